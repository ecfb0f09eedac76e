"""The pictures of `retail.ipynb` that show how the clusters moved, and how good the models were, from 1 to N."""

from collections.abc import Mapping
from textwrap import fill
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from arus.models import VIEWS
from notebooks.retail.model_plots import PART_NAMES, mark_centroid
from notebooks.retail.models import Facts, Models, Point, names, paths
from notebooks.shown import ONE_MODEL, Shown
from notebooks.style import COLOURS, INK, QUIET, SECOND, WIDTH_INCHES, bare, colour_of, logarithmic

# Letters: a longer one would push the pictures beside it away.
WIDEST_KEY = 42
STYLES: dict[str, Literal["-", "--"]] = {"line": "-", "profile": "--"}


def moves(models: Models) -> Figure | Shown:
    """Draw each cluster's way through the plane from model to model, and its share of the entities in each."""
    if len(models.found) < 2:
        return ONE_MODEL
    figure = Figure(figsize=(WIDTH_INCHES, 8.4), layout="constrained")
    ways, shares = figure.subplots(2, len(VIEWS), height_ratios=[3, 2])
    for at, view in enumerate(VIEWS):
        found = paths(models.found, view)
        _ways(ways[at], found, max(models.found))
        _shares(shares[at], found, sorted(models.found))
        ways[at].set_title(view, loc="left", fontweight="bold")
        _names(shares[at], models.found, view)
    ways[0].set_ylabel("typical price (logarithmic)")
    shares[0].set_ylabel("share of the entities")
    figure.suptitle(f"Clusters by the typical line, {_which(models)} (ring: the first; dotted: gone)")
    return figure


def _ways(axis: Axes, found: Mapping[int, list[Point]], newest: int) -> None:
    for cluster, points in found.items():
        quantity, price = [point.quantity for point in points], [point.unit_price for point in points]
        axis.plot(quantity, price, color=colour_of(cluster), linewidth=1.8)
        axis.scatter(quantity[1:], price[1:], s=18, color=colour_of(cluster), zorder=3)
        axis.scatter(quantity[:1], price[:1], s=44, facecolor="white", edgecolor=colour_of(cluster), zorder=3)
        mark_centroid(axis, cluster, quantity[-1], price[-1], is_gone=points[-1].model < newest)
    axis.margins(0.14)
    logarithmic(axis, "x", "y")
    axis.set_xlabel("typical quantity (logarithmic)")
    axis.grid(color="#eeeeee")
    axis.set_axisbelow(True)
    bare(axis, "left", "bottom")


def _shares(axis: Axes, found: Mapping[int, list[Point]], numbers: list[int]) -> None:
    base = np.zeros(len(numbers))
    for cluster, points in found.items():
        by_model = {point.model: point.share for point in points}
        share = np.array([by_model.get(number, 0.0) for number in numbers])
        axis.bar(range(len(numbers)), share, 0.8, base, color=colour_of(cluster), edgecolor="white", linewidth=0.8)
        base += share
    _by_model(axis, numbers)
    axis.set_ylim(0, 1)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    bare(axis, "left", "bottom")


def _names(axis: Axes, found: Mapping[int, Facts], view: str) -> None:
    """Write beneath what the clusters are called now, or were called when they last were."""
    called: dict[int, str] = {}
    newest = max(found)
    for number in sorted(found):
        until = "" if number == newest else f" (until model {number})"
        own = names(found[number]["views"][view]["line"])
        for cluster, name in own.items():
            called[cluster] = fill(f"{cluster} {name}{until}", WIDEST_KEY, subsequent_indent="    ")
    keys = [Patch(color=colour_of(cluster), label=said) for cluster, said in sorted(called.items())]
    axis.legend(handles=keys, loc="upper left", bbox_to_anchor=(-0.12, -0.24), frameon=False, fontsize="small")


def scores(models: Models) -> Figure | Shown:
    """Draw each model's score beside the champion's on the same points, and the silhouettes that it is the mean of."""
    if len(models.found) < 2:
        return ONE_MODEL
    figure = Figure(figsize=(WIDTH_INCHES, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    numbers = sorted(models.found)
    _scores(left, models, numbers)
    _silhouettes(right, models.found, numbers)
    for axis in (left, right):
        _by_model(axis, numbers)
        axis.margins(x=0.06, y=0.14)
        axis.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
        bare(axis, "left", "bottom")
    figure.suptitle(f"How good the models are, {_which(models)}")
    return figure


def _scores(axis: Axes, models: Models, numbers: list[int]) -> None:
    told = [models.found[number]["promotion"] for number in numbers]
    axis.plot(range(len(numbers)), [each["score"] for each in told], color=QUIET, linewidth=1.2, zorder=1)
    for place, each in enumerate(told):
        face = COLOURS[0] if each["promoted"] else "white"
        axis.scatter(place, each["score"], s=60, facecolor=face, edgecolor=COLOURS[0], linewidths=1.8, zorder=3)
        if each["champion_score"] is not None:
            axis.scatter(place, each["champion_score"], s=200, marker="_", color=SECOND, linewidths=3, zorder=2)
    if models.champion in numbers:
        place = numbers.index(models.champion)
        axis.annotate(
            "champion now",
            (place, told[place]["score"]),
            xytext=(0, 9),
            textcoords="offset points",
            ha="right" if place else "left",
            fontsize="small",
        )
    keys = [
        Line2D([], [], linestyle="", marker="o", color=COLOURS[0], label="became champion"),
        Line2D([], [], linestyle="", marker="o", color=COLOURS[0], markerfacecolor="white", label="did not"),
        Line2D(
            [], [], linestyle="", marker="_", markersize=14, markeredgewidth=3, color=SECOND, label="champion before it"
        ),
    ]
    axis.legend(handles=keys, frameon=False, fontsize="small", ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    axis.set_title("mean silhouette, on the points of each model", loc="left", fontsize="medium")


def _silhouettes(axis: Axes, found: Mapping[int, Facts], numbers: list[int]) -> None:
    for colour, view in zip(COLOURS, VIEWS, strict=False):
        for part, style in STYLES.items():
            heights = [found[number]["views"][view][part]["silhouette"] for number in numbers]
            axis.plot(range(len(numbers)), heights, color=colour, linestyle=style, marker="o", markersize=4)
    keys = [Line2D([], [], color=colour, label=view) for colour, view in zip(COLOURS, VIEWS, strict=False)]
    keys += [
        Line2D([], [], color=INK, linestyle=style, label=f"by {PART_NAMES[part]}") for part, style in STYLES.items()
    ]
    axis.legend(handles=keys, frameon=False, fontsize="small", ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    axis.set_title("silhouette of each clustering", loc="left", fontsize="medium")


def _by_model(axis: Axes, numbers: list[int]) -> None:
    every = 1 + len(numbers) // 12
    axis.set_xticks(range(len(numbers))[::every], [str(number) for number in numbers[::every]])
    axis.set_xlabel("model")


def _which(models: Models) -> str:
    numbers = sorted(models.found)
    return f"from model {numbers[0]} to model {numbers[-1]}"
