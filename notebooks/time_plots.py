"""Pictures over time, as the sensors' notebooks have them."""

from datetime import timezone
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator

from notebooks.style import bare
from notebooks.time_steps import SECOND, Floats, Integers, Series

TOO_HIGH = "#b2300c"
RISING = LinearSegmentedColormap.from_list("danger", ["#fdf6ee", "#f0a830", TOO_HIGH, "#4a0f05"])


def readings(axis: Axes, line: Series, limit: float, unit: str, name: str) -> None:
    """Draw a sensor's readings, with the limit above which they are too high."""
    moments, mean, least, most = _with_gaps(line)
    axis.fill_between(moments, least, most, color="#222222", alpha=0.18, linewidth=0)
    axis.plot(moments, mean, color="#222222", linewidth=1.0)
    axis.axhline(limit, color=TOO_HIGH, linewidth=1, linestyle=(0, (5, 3)))
    axis.annotate(
        f"{limit:g} {unit}",
        (1, limit),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        color=TOO_HIGH,
        fontsize="small",
        annotation_clip=False,
    )
    axis.set_ylabel(f"{name}\n{unit}")
    axis.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10], integer=True))
    axis.tick_params(axis="x", bottom=False, labelbottom=False)
    bare(axis, "left")


def _with_gaps(line: Series) -> tuple[Any, Floats, Floats, Floats]:
    """Return the points with a hole where two are much further apart than usual."""
    apart = np.diff(line.moments)
    usual = np.median(apart) if len(apart) else 0
    holes = np.flatnonzero(apart > max(10 * SECOND, 3 * usual)) + 1
    moments = np.insert(line.moments, holes, line.moments[holes - 1] + 1)
    values = (line.mean, line.least, line.most)
    mean, least, most = (np.insert(each, holes, np.nan) for each in values)
    return dates(moments), mean, least, most


def same_scale(axes: Any) -> None:
    """Give the axes one scale, which shows the threshold too."""
    low, high = min(axis.get_ylim()[0] for axis in axes), max(axis.get_ylim()[1] for axis in axes)
    for axis in axes:
        axis.set_ylim(low, high)


def clock(axis: Axes, ends: Integers) -> None:
    """Write the time beneath, in UTC, with the date where it is needed."""
    locator = AutoDateLocator(  # type: ignore[no-untyped-call]
        tz=timezone.utc, minticks=4, maxticks=10
    )
    ticks = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S"]
    beside = ["", "%Y", "%Y", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d"]
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator,
        timezone.utc,
        formats=ticks,
        zero_formats=[*ticks[:3], ticks[2], *ticks[4:]],
        offset_formats=beside,
    )
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(formatter)
    axis.set_xlim(*dates(ends))
    axis.tick_params(axis="x", bottom=True, labelbottom=True)
    axis.set_xlabel("UTC")


def dates(moments: Integers) -> Any:
    return moments.astype("datetime64[us]")
