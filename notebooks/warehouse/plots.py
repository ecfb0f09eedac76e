"""The pictures of `warehouse.ipynb`. Each is a figure of its own, so nothing stays open in pyplot."""

from datetime import timezone
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from notebooks.shown import NO_STATUS, Shown
from notebooks.warehouse.data import (
    DANGER,
    STATUSES,
    Floats,
    Held,
    Integers,
    Monitor,
    Series,
    series,
    time_in_status,
)

# Told apart by lightness as well as by hue, so also by who sees no red or no green, and in grey print.
COLOURS = ("#b2300c", "#f0a830", "#3b7fc4", "#9a9a9a", "#505050", "#cfe6d8")
RISING = LinearSegmentedColormap.from_list("danger", ["#fdf6ee", "#f0a830", "#b2300c", "#4a0f05"])
NO_READINGS = "#e4e4e4"
# What is too high, as conf/warehouse_monitor.conf has it: kind -> threshold, unit, name.
LIMITS = {"suhu": (80.0, "°C", "temperature"), "kelembaban": (70.0, "%", "humidity")}
WIDTH_INCHES = 11.0
LONGEST_NAME = 24
GLYPHS = get_font(findfont("DejaVu Sans")).get_charmap()
STEPS_OF_BAND = 240


def over_time(monitor: Monitor, held: Held, most: int = 3) -> Figure | Shown:
    """Draw temperature, humidity and status over time, of the warehouses that were longest in danger."""
    chosen = held.warehouses[:most]
    if not chosen:
        return NO_STATUS
    lines = series(monitor, chosen)
    band = time_in_status(monitor, STEPS_OF_BAND, chosen)
    figure = Figure(figsize=(WIDTH_INCHES, 0.9 + 3.3 * len(chosen)), layout="constrained")
    heights = [4.0, 4.0, 1.0] * len(chosen)
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    for at, name in enumerate(chosen):
        own = axes[3 * at : 3 * at + 3]
        own[0].set_title(_label(name), loc="left", fontweight="bold")
        for axis, kind in zip(own[:2], LIMITS, strict=True):
            _readings(axis, lines[name, kind], kind)
        _band(own[2], band, name)
    figure.align_ylabels([axis for at, axis in enumerate(axes) if at % 3 < 2])
    _same_scale(axes[0::3])
    _same_scale(axes[1::3])
    _clock(axes[-1], band.grid.edges[[0, -1]])
    figure.suptitle(_which(len(chosen), held) + ": readings and status over time")
    figure.legend(handles=_status_keys(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def hours_in_status(held: Held, most: int = 12) -> Figure | Shown:
    """Draw for how many hours each status held, of the warehouses that were longest in danger."""
    chosen = held.warehouses[:most]
    if not chosen:
        return NO_STATUS
    figure = Figure(figsize=(WIDTH_INCHES, 1.7 + 0.38 * len(chosen)), layout="constrained")
    axis = figure.subplots()
    seconds = held.seconds[: len(chosen)].sum(axis=1)
    unit, size = ("hours", 3600) if seconds.sum(axis=1).max() >= 1800 else ("minutes", 60)
    left = np.cumsum(seconds, axis=1) - seconds
    for status, colour in enumerate(COLOURS):
        axis.barh(range(len(chosen)), seconds[:, status] / size, left=left[:, status] / size, color=colour, height=0.72)
    axis.set_yticks(range(len(chosen)), [_label(name) for name in chosen])
    axis.invert_yaxis()
    axis.set_xlabel(unit)
    _bare(axis, "left", "bottom")
    figure.suptitle(f"{_which(len(chosen), held)}: {unit} in each status")
    figure.legend(handles=_status_keys(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def dangerous_hours(held: Held, most: int = 12) -> Figure | Shown:
    """Draw when the warehouses that were longest in danger were so: its share of each step of time."""
    chosen = held.warehouses[:most]
    if not chosen:
        return NO_STATUS
    figure = Figure(figsize=(WIDTH_INCHES, 1.2 + 0.34 * len(chosen)), layout="constrained")
    axis = figure.subplots()
    known = held.seconds[: len(chosen)].sum(axis=2)
    share = np.divide(
        100 * held.seconds[: len(chosen), :, DANGER], known, out=np.full(known.shape, np.nan), where=known > 0
    )
    axis.set_facecolor(NO_READINGS)
    edges = _dates(held.grid.edges)
    mesh = axis.pcolormesh(edges, np.arange(len(chosen) + 1) - 0.5, share, cmap=RISING, vmin=0, vmax=_top(share))
    axis.hlines(np.arange(len(chosen) - 1) + 0.5, edges[0], edges[-1], color="white", linewidth=2)
    axis.set_yticks(range(len(chosen)), [_label(name) for name in chosen])
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)
    _clock(axis, held.grid.edges[[0, -1]])
    _bare(axis, "bottom")
    figure.colorbar(mesh, ax=axis, pad=0.01, label="% of the time")
    step = held.grid.said
    figure.suptitle(f"{_which(len(chosen), held)}: in '{STATUSES[DANGER]}', in steps of {step} (grey: no status)")
    return figure


def _readings(axis: Axes, line: Series, kind: str) -> None:
    limit, unit, name = LIMITS[kind]
    moments, mean, least, most = _with_gaps(line)
    axis.fill_between(moments, least, most, color="#222222", alpha=0.18, linewidth=0)
    axis.plot(moments, mean, color="#222222", linewidth=1.0)
    axis.axhline(limit, color=COLOURS[DANGER], linewidth=1, linestyle=(0, (5, 3)))
    axis.annotate(
        f"{limit:g} {unit}",
        (1, limit),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        color=COLOURS[DANGER],
        fontsize="small",
        annotation_clip=False,
    )
    axis.set_ylabel(f"{name}\n{unit}")
    axis.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10], integer=True))
    axis.tick_params(axis="x", bottom=False, labelbottom=False)
    _bare(axis, "left")


def _with_gaps(line: Series) -> tuple[Any, Floats, Floats, Floats]:
    """Return the points with a hole where readings are missing: where two are much further apart than usual."""
    apart = np.diff(line.moments)
    holes = np.flatnonzero(apart > max(10_000_000, 3 * np.median(apart))) + 1 if len(apart) else np.array([], dtype=int)
    moments = np.insert(line.moments, holes, line.moments[holes - 1] + 1)
    mean, least, most = (np.insert(values, holes, np.nan) for values in (line.mean, line.least, line.most))
    return _dates(moments), mean, least, most


def _band(axis: Axes, held: Held, name: str) -> None:
    """Draw each status's share of the time, by steps: one colour where one status holds, white where none is known."""
    seconds = held.seconds[held.warehouses.index(name)].T if name in held.warehouses else np.zeros((6, held.grid.steps))
    known = seconds.sum(axis=0)
    shares = np.divide(seconds, known, out=np.zeros(seconds.shape), where=known > 0)
    shares = np.hstack([shares, shares[:, -1:]])
    axis.stackplot(_dates(held.grid.edges), shares, colors=COLOURS, step="post", linewidth=0)
    axis.set_ylim(0, 1)
    axis.set_yticks([])
    axis.set_ylabel("status", rotation=0, ha="right", va="center")
    axis.tick_params(axis="x", labelbottom=False)
    _bare(axis, "bottom")


def _same_scale(axes: Any) -> None:
    """Give the axes one scale, which shows the threshold too."""
    low, high = min(axis.get_ylim()[0] for axis in axes), max(axis.get_ylim()[1] for axis in axes)
    for axis in axes:
        axis.set_ylim(low, high)


def _clock(axis: Axes, ends: Integers) -> None:
    """Write the time beneath, in UTC, with the date where it is needed."""
    locator = AutoDateLocator(tz=timezone.utc, minticks=4, maxticks=10)  # type: ignore[no-untyped-call]
    ticks = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S"]
    beside = ["", "%Y", "%Y", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d"]
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator, timezone.utc, formats=ticks, zero_formats=[*ticks[:3], ticks[2], *ticks[4:]], offset_formats=beside
    )
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(formatter)
    axis.set_xlim(*_dates(ends))
    axis.tick_params(axis="x", bottom=True, labelbottom=True)
    axis.set_xlabel("UTC")


def _bare(axis: Axes, *sides: str) -> None:
    for side, spine in axis.spines.items():
        spine.set_visible(side in sides)


def _status_keys() -> list[Patch]:
    return [Patch(color=colour, label=status) for status, colour in zip(STATUSES, COLOURS, strict=True)]


def _which(shown: int, held: Held) -> str:
    number = len(held.warehouses)
    if shown < number:
        most_dangerous = " most dangerous" if held.seconds[0, :, DANGER].any() else ""
        return f"The {shown}{most_dangerous} of {number:,} warehouses"
    return f"All {number} warehouses" if number > 1 else "One warehouse"


def _top(share: Floats) -> float:
    """Return the scale's upper end: at least a tenth, so that one bad second does not look like a burning day."""
    return max(10.0, float(np.nanmax(share, initial=0.0)))


def _dates(moments: Integers) -> Any:
    return moments.astype("datetime64[us]")


def _label(name: str) -> str:
    """Return a warehouse's name as text that matplotlib draws as it is: short, on one line, and no formula."""
    text = "".join(sign if sign.isprintable() and ord(sign) in GLYPHS else "□" for sign in name.strip())
    if len(text) > LONGEST_NAME:
        text = f"{text[: LONGEST_NAME - 9]}…{text[-8:]}"
    return text.replace("$", r"\$")
