"""The pictures of `factory.ipynb`."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from notebooks.factory.data import Factory, moments
from notebooks.shown import NO_READINGS, Shown
from notebooks.style import WIDTH_INCHES, bare, plain
from notebooks.time_plots import RISING, TOO_HIGH, clock, dates, readings, same_scale
from notebooks.time_steps import Series

# At least so many alerts have the darkest colour, so that a single one does not look like a fire.
FULL_COLOUR = 10


def over_time(factory: Factory, lines: pa.Table, alerts: pa.Table, limit: float) -> Figure | Shown:
    """Draw each sensor's least, mean and most by points of time, and its hottest alert of each.

    The columns: sensor_id, point, least, mean, most; sensor_id, point, most.
    """
    if not lines.num_rows:
        return NO_READINGS
    sensors = pc.unique(lines["sensor_id"]).to_pylist()
    figure = Figure(figsize=(WIDTH_INCHES, 1.0 + 1.9 * len(sensors)), layout="constrained")
    axes = figure.subplots(len(sensors), 1, sharex=True, squeeze=False)[:, 0]
    middle = factory.points.step // 2
    for axis, sensor in zip(axes, sensors, strict=True):
        own, hot = (table.filter(pc.field("sensor_id") == sensor) for table in (lines, alerts))
        values = (own[name].to_numpy() for name in ("mean", "least", "most"))
        readings(axis, Series(moments(own["point"]) + middle, *values), limit, "°C", "temperature")
        at = dates(moments(hot["point"]) + middle)
        axis.scatter(at, hot["most"].to_numpy(), s=14, color=TOO_HIGH, linewidths=0, zorder=3)
        axis.set_title(plain(sensor), loc="left", fontweight="bold")
    same_scale(axes)
    clock(axes[-1], factory.points.edges[[0, -1]])
    return figure


def alerts_by_step(factory: Factory, alerts: pa.Table, most: int = 12) -> Figure | Shown:
    """Draw how many alerts each sensor had in each step of time, of those that had the most.

    The columns: sensor_id, step, alerts.
    """
    if factory.is_empty:
        return NO_READINGS
    if not alerts.num_rows:
        return Shown("No alert in this time.")
    sums = alerts.group_by("sensor_id").aggregate([("alerts", "sum")])
    ordered = sums.sort_by([("alerts_sum", "descending"), ("sensor_id", "ascending")])
    sensors, totals = (ordered[name].to_pylist()[:most] for name in ("sensor_id", "alerts_sum"))
    figure = Figure(figsize=(WIDTH_INCHES, 1.2 + 0.34 * len(sensors)), layout="constrained")
    axis = figure.subplots()
    counts = np.full((len(sensors), factory.steps.steps), np.nan)
    shown = alerts.filter(pc.field("sensor_id").isin(sensors))
    row = pc.index_in(shown["sensor_id"], pa.array(sensors)).to_numpy()
    column = (moments(shown["step"]) - factory.steps.origin) // factory.steps.step
    counts[row, column] = shown["alerts"].to_numpy()
    edges = dates(factory.steps.edges)
    rows, top = np.arange(len(sensors) + 1) - 0.5, max(FULL_COLOUR, np.nanmax(counts))
    mesh = axis.pcolormesh(edges, rows, counts, cmap=RISING, vmin=0, vmax=top)
    axis.hlines(rows[1:-1], edges[0], edges[-1], color="white", linewidth=2)
    names = [f"{plain(name)} ({total:,})" for name, total in zip(sensors, totals, strict=True)]
    axis.set_yticks(range(len(sensors)), names)
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)
    clock(axis, factory.steps.edges[[0, -1]])
    bare(axis, "bottom")
    few = MaxNLocator(nbins=4, integer=True)
    figure.colorbar(mesh, ax=axis, pad=0.01, label="alerts", ticks=few)
    which = f"the {most} with the most" if sums.num_rows > most else "all that had any"
    figure.suptitle(f"Alerts by sensor ({which}), in steps of {factory.steps.said}")
    return figure
