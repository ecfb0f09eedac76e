"""Steps of time, and lines of readings over them. Moments are microseconds since 1970, UTC."""

import math
from datetime import datetime, timezone
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SECOND = 1_000_000
HOUR = 3600 * SECOND
UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))
# Steps that divide a minute, an hour or a day, so that they begin where a clock's do.
MINUTES, HOURS = (60, 120, 300, 600, 900, 1800), (3600, 7200, 10800, 21600, 43200, 86400)
STEP_SECONDS = (1, 2, 5, 10, 15, 30, *MINUTES, *HOURS)


class Grid(NamedTuple):
    """Steps of time: where the first begins, how long each is (microseconds), and how many."""

    origin: int
    step: int
    steps: int

    @property
    def edges(self) -> Integers:
        return self.origin + self.step * np.arange(self.steps + 1, dtype=np.int64)

    @property
    def said(self) -> str:
        """A step's length in words."""
        seconds = self.step // SECOND
        size, unit = next(((n, unit) for n, unit in UNITS if seconds >= n), (1, "second"))
        return f"{seconds // size} {unit}{'s' if seconds > size else ''}"


class Series(NamedTuple):
    """One sensor's readings; where there are many, the mean, least and most of each step."""

    moments: Integers
    mean: Floats
    least: Floats
    most: Floats


def grid_of(start: int, end: int, most_steps: int) -> Grid:
    """Return at most so many steps (and a begun one), of a length that a clock knows."""
    seconds = max(end - start, 0) / SECOND
    days = math.ceil(seconds / most_steps / 86400) * 86400
    step = SECOND * next((step for step in STEP_SECONDS if step * most_steps >= seconds), days)
    origin = start // step * step
    return Grid(origin, step, max(1, (end - origin) // step + 1))


def as_datetime(moment: int) -> datetime:
    return datetime.fromtimestamp(moment // SECOND, timezone.utc)
