"""The pictures of `warehouse.ipynb`. Each is a figure of its own, so nothing stays open in pyplot."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from notebooks.shown import NO_STATUS, Shown
from notebooks.style import GLYPHS, WIDTH_INCHES, bare
from notebooks.time_plots import RISING, TOO_HIGH, clock, dates, readings, same_scale
from notebooks.time_steps import Floats
from notebooks.warehouse.data import (
    DANGER,
    STATUSES,
    Held,
    Monitor,
    series,
    time_in_status,
)

# Told apart by lightness as well as by hue, so also by who sees no red or no green, and in grey print.
COLOURS = (TOO_HIGH, "#f0a830", "#3b7fc4", "#9a9a9a", "#505050", "#cfe6d8")
UNKNOWN = "#e4e4e4"
# What is too high, as conf/warehouse_monitor.conf has it: kind -> threshold, unit, name.
LIMITS = {"suhu": (80.0, "°C", "temperature"), "kelembaban": (70.0, "%", "humidity")}
LONGEST_NAME = 24
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
            readings(axis, lines[name, kind], *LIMITS[kind])
        _band(own[2], band, name)
    figure.align_ylabels([axis for at, axis in enumerate(axes) if at % 3 < 2])
    same_scale(axes[0::3])
    same_scale(axes[1::3])
    clock(axes[-1], band.grid.edges[[0, -1]])
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
    bare(axis, "left", "bottom")
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
    axis.set_facecolor(UNKNOWN)
    edges = dates(held.grid.edges)
    mesh = axis.pcolormesh(edges, np.arange(len(chosen) + 1) - 0.5, share, cmap=RISING, vmin=0, vmax=_top(share))
    axis.hlines(np.arange(len(chosen) - 1) + 0.5, edges[0], edges[-1], color="white", linewidth=2)
    axis.set_yticks(range(len(chosen)), [_label(name) for name in chosen])
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)
    clock(axis, held.grid.edges[[0, -1]])
    bare(axis, "bottom")
    figure.colorbar(mesh, ax=axis, pad=0.01, label="% of the time")
    step = held.grid.said
    figure.suptitle(f"{_which(len(chosen), held)}: in '{STATUSES[DANGER]}', in steps of {step} (grey: no status)")
    return figure


def _band(axis: Axes, held: Held, name: str) -> None:
    """Draw each status's share of the time, by steps: one colour where one status holds, white where none is known."""
    seconds = held.seconds[held.warehouses.index(name)].T if name in held.warehouses else np.zeros((6, held.grid.steps))
    known = seconds.sum(axis=0)
    shares = np.divide(seconds, known, out=np.zeros(seconds.shape), where=known > 0)
    shares = np.hstack([shares, shares[:, -1:]])
    axis.stackplot(dates(held.grid.edges), shares, colors=COLOURS, step="post", linewidth=0)
    axis.set_ylim(0, 1)
    axis.set_yticks([])
    axis.set_ylabel("status", rotation=0, ha="right", va="center")
    axis.tick_params(axis="x", labelbottom=False)
    bare(axis, "bottom")


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


def _label(name: str) -> str:
    """Return a warehouse's name as text that matplotlib draws as it is: short, on one line, and no formula."""
    text = "".join(sign if sign.isprintable() and ord(sign) in GLYPHS else "□" for sign in name.strip())
    if len(text) > LONGEST_NAME:
        text = f"{text[: LONGEST_NAME - 9]}…{text[-8:]}"
    return text.replace("$", r"\$")
