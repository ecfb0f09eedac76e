"""The pictures of `retail.ipynb` that show one model: how k was chosen, its clusters in the plane, its profiles."""

from collections.abc import Mapping
from operator import itemgetter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from arus.models import VIEWS
from notebooks.retail.data import Floats
from notebooks.retail.models import PARTS, Entities, Facts, in_order, nearest
from notebooks.shown import NO_MODEL, Shown
from notebooks.style import INK, MAIN, QUIET, WIDTH_INCHES, bare, colour_of, logarithmic, short

PART_NAMES = {"line": "typical line", "profile": "profile"}
REFUSED, CHOSEN = "#d55e00", "#e69f00"
# From below to above the average; told apart by who sees no red or no green.
DIVERGING = LinearSegmentedColormap.from_list("about average", ["#b35806", "#fdb863", "#ffffff", "#9ecae1", "#08519c"])
# In standard deviations: from here on the colour is full, and from there on the text on it white.
FULL_COLOUR, DARK_COLOUR = 2.0, 1.5
# How far seeds of one k are drawn apart: equal silhouettes would hide each other.
BESIDE = 0.11
# Cells a side of what shows where a request would go.
MESH = 300
MOST_POINTS = 5000
# So few points are drawn larger.
FEW = 200
# Bars are as thin with two clusters as with five.
LEAST_ROWS = 5
PALE = 0.82


def choice_of_k(model: Facts | None) -> Figure | Shown:
    """Draw the silhouette of every k-means that was tried, by k, with those refused and the one chosen."""
    if model is None:
        return NO_MODEL
    figure = Figure(figsize=(WIDTH_INCHES, 8.2), layout="constrained")
    axes = figure.subplots(len(VIEWS), len(PARTS), squeeze=False)
    for row, view in zip(axes, VIEWS, strict=True):
        for axis, part in zip(row, PARTS, strict=True):
            _sweep(axis, model["views"][view][part])
            axis.set_title(f"{view}, by {PART_NAMES[part]}", loc="left", fontsize="medium")
    for axis in axes[-1]:
        axis.set_xlabel("k, the number of clusters")
    figure.suptitle(f"Model {model['model_number']}: silhouette by k and seed (higher is better)")
    figure.legend(handles=_sweep_keys(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _sweep(axis: Axes, clustering: Facts) -> None:
    tried = clustering["candidates"]
    seeds = sorted({each["seed"] for each in tried})
    # -1 stands for a single cluster, which has no silhouette; to show it would press all others together.
    least = min((each["silhouette"] for each in tried if each["silhouette"] > -1), default=0.0)
    best: dict[int, tuple[float, float]] = {}
    for each in tried:
        place = each["k"] + BESIDE * (seeds.index(each["seed"]) - (len(seeds) - 1) / 2)
        height = max(each["silhouette"], least)
        if each["refused"]:
            axis.scatter([place], [height], s=36, marker="x", color=REFUSED, linewidths=1.5, zorder=3)
        else:
            axis.scatter([place], [height], s=30, color=MAIN, linewidths=0, zorder=3)
        if (each["k"], each["seed"]) == (clustering["k"], clustering["seed"]):
            axis.scatter([place], [height], s=190, facecolors="none", edgecolors=CHOSEN, linewidths=2.5, zorder=4)
        if not each["refused"]:
            best[each["k"]] = max(best.get(each["k"], (height, place)), (height, place), key=itemgetter(0))
    axis.plot(
        [at for _, at in best.values()], [high for high, _ in best.values()], color=QUIET, linewidth=1.2, zorder=1
    )
    axis.set_xticks(sorted({each["k"] for each in tried}))
    axis.margins(x=0.06, y=0.16)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_ylabel("silhouette")
    said = f"k = {clustering['k']}: {clustering['silhouette']:.3f}"
    axis.set_title(said, loc="right", fontsize="medium", color=INK)
    bare(axis, "left", "bottom")


def _sweep_keys() -> list[Line2D]:
    chosen = {"markerfacecolor": "none", "markeredgecolor": CHOSEN, "markeredgewidth": 2.5, "markersize": 13}
    return [
        Line2D([], [], linestyle="", marker="o", color=MAIN, label="one seed"),
        Line2D([], [], color=QUIET, label="the best seed of each k"),
        Line2D(
            [],
            [],
            linestyle="",
            marker="x",
            color=REFUSED,
            markeredgewidth=1.5,
            label="refused: a tiny or empty cluster",
        ),
        Line2D([], [], linestyle="", marker="o", label="chosen", **chosen),  # type: ignore[arg-type]
    ]


def planes(model: Facts | None, known: Mapping[str, Entities]) -> Figure | Shown:
    """Draw each view's entities by their typical line, in the colour of their cluster, and the clusters' sizes."""
    if model is None:
        return NO_MODEL
    figure = Figure(figsize=(WIDTH_INCHES, 12.6), layout="constrained")
    axes = figure.subplots(len(VIEWS), 2, width_ratios=[3, 2])
    for (plane, sizes), view in zip(axes, VIEWS, strict=True):
        clustering = model["views"][view]["line"]
        _plane(plane, clustering, known[view])
        _sizes(sizes, clustering)
        plane.set_title(f"{view} ({len(known[view]):,})", loc="left", fontweight="bold")
    axes[-1, 0].set_xlabel("typical quantity of a line (logarithmic)")
    axes[-1, 1].set_xlabel("entities")
    figure.suptitle(
        f"Model {model['model_number']}: clusters by the typical line; the shade is what a request would get"
    )
    return figure


def _plane(axis: Axes, clustering: Facts, known: Entities) -> None:
    facts = list(known.values())
    if len(facts) > MOST_POINTS:
        chosen = np.random.default_rng(1).choice(len(facts), MOST_POINTS, replace=False)
        facts = [facts[place] for place in chosen]
    centroids = [each["typical"] for each in clustering["clusters"]]
    quantity, price = (
        np.array([each["profile"][name] for each in facts] + [each[name] for each in centroids], dtype=float)
        for name in ("quantity", "unit_price")
    )
    _shade(axis, clustering, _ends(quantity), _ends(price))
    colours = [colour_of(each["cluster"]) for each in facts]
    size = 9 if len(facts) > FEW else 36
    axis.scatter(
        quantity[: len(facts)], price[: len(facts)], s=size, c=colours, alpha=0.6, linewidths=0, rasterized=True
    )
    for each in clustering["clusters"]:
        mark_centroid(axis, each["cluster"], each["typical"]["quantity"], each["typical"]["unit_price"])
    axis.set(xlim=_ends(quantity), ylim=_ends(price))
    logarithmic(axis, "x", "y")
    axis.set_ylabel("typical price (logarithmic)")
    bare(axis)


def mark_centroid(axis: Axes, cluster: int, quantity: float, price: float, *, is_gone: bool = False) -> None:
    """Write a cluster's number where its typical line is, in a ring of its colour, dotted if it is no more."""
    ring = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": colour_of(cluster), "linewidth": 2}
    ring["linestyle"] = ":" if is_gone else "-"
    axis.annotate(
        str(cluster), (quantity, price), ha="center", va="center", fontweight="bold", fontsize=9, bbox=ring, zorder=5
    )


def _ends(values: Floats) -> tuple[float, float]:
    positive = values[values > 0]
    return (float(positive.min()) / 1.25, float(positive.max()) * 1.25) if len(positive) else (0.5, 2.0)


def _shade(axis: Axes, clustering: Facts, width: tuple[float, float], height: tuple[float, float]) -> None:
    """Draw, pale, which cluster is nearest everywhere in the plane."""
    quantity, price = np.geomspace(*width, MESH), np.geomspace(*height, MESH)
    numbers = nearest(clustering, *np.meshgrid(quantity, price))
    clusters = sorted(each["cluster"] for each in clustering["clusters"])
    pale = ListedColormap([tuple(1 - (1 - part) * (1 - PALE) for part in to_rgb(colour_of(each))) for each in clusters])
    places = np.searchsorted(clusters, numbers)
    axis.pcolormesh(quantity, price, places, cmap=pale, vmin=-0.5, vmax=len(clusters) - 0.5, rasterized=True)


def _sizes(axis: Axes, clustering: Facts) -> None:
    """Draw the clusters' sizes as bars, each beneath its number and name."""
    clusters = in_order(clustering)
    whole = sum(each["size"] for each in clusters)
    for place, each in enumerate(clusters):
        axis.barh(place, each["size"], height=0.36, color=colour_of(each["cluster"]))
        axis.text(0, place - 0.26, f"{each['cluster']}  {each['name']}", va="bottom", fontsize=9)
        share = f" {each['size']:,} ({each['size'] / whole:.0%})"
        axis.text(each["size"], place, share, va="center", fontsize="small", color="#555555")
    axis.set_ylim(max(len(clusters), LEAST_ROWS) - 0.5, -0.75)
    axis.set_xlim(0, max(each["size"] for each in clusters) * 1.3)
    axis.set_yticks([])
    axis.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    bare(axis, "bottom")


def profiles(model: Facts | None) -> Figure | Shown:
    """Draw the typical values of each view's profile clusters, coloured by how far they are from the average."""
    if model is None:
        return NO_MODEL
    rows = [len(model["views"][view]["profile"]["clusters"]) for view in VIEWS]
    figure = Figure(figsize=(WIDTH_INCHES, 2.9 + 0.42 * sum(rows)), layout="constrained")
    axes = figure.subplots(len(VIEWS), 1, height_ratios=[0.8 + row for row in rows])
    for axis, view in zip(axes, VIEWS, strict=True):
        mesh = _heatmap(axis, model["views"][view]["profile"])
        axis.set_title(view, loc="left", fontweight="bold")
    label = "standard deviations from the average (of the logarithms)"
    figure.colorbar(mesh, ax=axes, location="bottom", aspect=60, shrink=0.6, label=label, extend="both")
    figure.suptitle(f"Model {model['model_number']}: typical values of the clusters by profile")
    return figure


def _heatmap(axis: Axes, clustering: Facts) -> QuadMesh:
    clusters, features = in_order(clustering), clustering["features"]
    away = np.array([each["centroid"] for each in clusters])
    mesh = axis.pcolormesh(away, cmap=DIVERGING, vmin=-FULL_COLOUR, vmax=FULL_COLOUR, edgecolors="white", linewidth=2)
    for (row, column), value in np.ndenumerate(away):
        said = short(clusters[row]["typical"][features[column]])
        colour = "white" if abs(value) > DARK_COLOUR else INK
        axis.text(column + 0.5, row + 0.5, said, ha="center", va="center", color=colour)
    names = [f"{each['name']} ({each['size']:,})  {each['cluster']}" for each in clusters]
    axis.set_yticks(np.arange(len(clusters)) + 0.5, names)
    axis.set_xticks(np.arange(len(features)) + 0.5, [feature.replace("_", " ") for feature in features])
    axis.tick_params(length=0, labeltop=True, labelbottom=False)
    axis.invert_yaxis()
    bare(axis)
    return mesh
