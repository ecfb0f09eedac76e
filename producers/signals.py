"""What invented sensors have in common: a drift over the day, a tremble, and episodes that lift the readings."""

import itertools
import math
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

DAY_SECONDS = 86_400


class Episode(NamedTuple):
    """One lift of the readings: when it begins, how long it rises and holds, how far it lifts, how fast it fades.

    All times are in seconds; `fade` is the time in which two thirds of the lift are gone.
    """

    begin: float
    rise: float
    hold: float
    lift: float
    fade: float

    def at(self, seconds: float) -> float:
        """Return by how much the sensor is lifted at this moment."""
        since = seconds - self.begin
        if since < 0:
            return 0.0
        if since < self.rise:
            return self.lift * since / self.rise
        return self.lift * math.exp(min(self.rise + self.hold - since, 0.0) / self.fade)

    def end(self) -> float:
        return self.begin + self.rise + self.hold + 6 * self.fade


def lifts(
    rng: random.Random, step: float, first: float, gap: float, draw: Callable[[float], Episode]
) -> Iterator[float]:
    """Yield the lift every `step` seconds of episodes that `draw` makes from their beginnings, about `gap` apart."""
    episode = draw(first)
    for n in itertools.count():
        while n * step > episode.end():
            episode = draw(episode.end() + rng.expovariate(1 / gap))
        yield episode.at(n * step)


def trembling(rng: random.Random, step: float, deviation: float, memory_seconds: float) -> Iterator[float]:
    """Yield noise around zero every `step` seconds, which forgets where it was within `memory_seconds`."""
    memory = math.exp(-step / memory_seconds)
    spread = deviation * math.sqrt(1 - memory**2)
    noise = 0.0
    while True:
        noise = memory * noise + rng.gauss(0, spread)
        yield noise


def daily(seconds: float, swing: float) -> float:
    """Return where a swing around zero with the period of a day is at this moment."""
    return swing * math.sin(2 * math.pi * seconds / DAY_SECONDS)
