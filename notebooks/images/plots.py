"""The pictures of `images.ipynb`. Each is a figure of its own, so nothing stays open in pyplot."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from arus.image_flags import DEFAULT
from arus.image_grid import Picture, fit, grid
from arus.image_stored import Row, picture
from notebooks.images import data
from notebooks.images.data import Floats, Images
from notebooks.shown import NO_IMAGES, Shown
from notebooks.style import INK, MAIN, WIDTH_INCHES, bare, logarithmic

RISING = LinearSegmentedColormap.from_list("images", ["#eaf3f8", MAIN, "#00324f"])
LIMIT = "#b2300c"
LONGEST_NAME = 18
MOST_CLASSES = 30
BINS = 40
BYTES_IN_KB = 1000


class Quality(NamedTuple):
    """A measure as it is drawn: its title, from where to where, and where a flag begins, below or above."""

    column: str
    title: str
    ends: tuple[float, float]
    limit: float
    flag: str
    is_below: bool = True
    is_logarithmic: bool = False


QUALITIES = (
    Quality("lightest", "luma that 99 % of the pixels are below", (0, 1), DEFAULT.dark, "dark"),
    Quality("darkest", "luma that 95 % of the pixels are above", (0, 1), DEFAULT.light, "light", is_below=False),
    Quality("sharpness", "sharpness (variance of the Laplacian)", (1, 10_000), DEFAULT.blurry, "blurry", True, True),
    Quality("entropy", "entropy, bits a pixel", (0, 8), DEFAULT.low_information, "low-information"),
    Quality("colourfulness", "colourfulness", (0, 110), DEFAULT.grayscale, "grayscale"),
    Quality("aspect", "shorter to longer side", (0, 1), DEFAULT.odd_aspect, "odd-aspect"),
)


def class_balance(images: Images) -> Figure | Shown:
    """Draw how many images each plant has of each disease; of very many, the most frequent ones."""
    if images.is_empty:
        return NO_IMAGES
    found = data.balance(images)
    rows, columns = (np.sort((-found.counts.sum(axis=axis)).argsort(kind="stable")[:MOST_CLASSES]) for axis in (1, 0))
    counts = found.counts[np.ix_(rows, columns)]
    figure = Figure(figsize=(WIDTH_INCHES, 2.0 + 0.32 * len(rows)), layout="constrained")
    axis = figure.subplots()
    axis.imshow(np.where(counts, counts, np.nan), cmap=RISING, aspect="auto", vmin=0)
    for (row, column), number in np.ndenumerate(counts):
        colour = "white" if number > counts.max() / 2 else INK
        axis.text(column, row, f"{number:,}" if number else "", ha="center", va="center", color=colour, fontsize=9)
    _named(axis, [found.diseases[at] for at in columns], [found.plants[at] for at in rows])
    figure.suptitle(f"Images of {len(found.plants)} plants with {len(found.diseases)} diseases, by class")
    return figure


def _named(axis: Axes, columns: list[str], rows: list[str]) -> None:
    """Write the names at the sides of a table of cells, as they are."""
    across, down = ([fit(name or "(none)", LONGEST_NAME) for name in names] for names in (columns, rows))
    axis.set_xticks(range(len(across)), across, rotation=30, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(down)), down)
    for label in (*axis.get_xticklabels(), *axis.get_yticklabels()):
        label.set_parse_math(False)
    axis.tick_params(length=0)
    bare(axis)


def sizes(images: Images) -> Figure | Shown:
    """Draw width against height, a circle for each size that there is, and how large the files are."""
    if images.is_empty:
        return NO_IMAGES
    figure = Figure(figsize=(WIDTH_INCHES, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    width, height, count = np.array(data.sizes(images)).T
    left.scatter(width, height, s=30 + 600 * count / count.max(), color=MAIN, alpha=0.45, linewidth=0)
    for side in (width, height):
        side.sort()
    left.set(xlabel="width, pixels", ylabel="height, pixels", title="Sizes (area: how many images)")
    left.set(xlim=(0, 1.15 * width[-1]), ylim=(0, 1.15 * height[-1]))
    kilobytes = data.values(images, "bytes") / BYTES_IN_KB
    right.hist(kilobytes, np.geomspace(kilobytes.min() * 0.99, kilobytes.max() * 1.01, BINS), color=MAIN)
    logarithmic(right, "x")
    right.set(xlabel="kB a file", ylabel="images", title="Bytes")
    right.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    for axis in (left, right):
        bare(axis, "left", "bottom")
    return figure


def qualities(images: Images) -> Figure | Shown:
    """Draw how each measure of quality is distributed, and from where on it is a flag."""
    if images.is_empty:
        return NO_IMAGES
    figure = Figure(figsize=(WIDTH_INCHES, 5.6), layout="constrained")
    for axis, quality in zip(figure.subplots(2, 3).ravel(), QUALITIES, strict=True):
        values = data.aspect(images) if quality.column == "aspect" else data.values(images, quality.column)
        _quality(axis, quality, values)
    figure.suptitle("Quality: images by measure, and where a flag begins")
    return figure


def _quality(axis: Axes, quality: Quality, values: Floats) -> None:
    low, high = quality.ends
    space: Any = np.geomspace if quality.is_logarithmic else np.linspace
    edges = space(low, max(high, values.max()), BINS + 1)
    is_flagged = values < quality.limit if quality.is_below else values > quality.limit
    parts = [values[is_flagged].clip(low), values[~is_flagged].clip(low)]
    axis.hist(parts, edges, stacked=True, color=[LIMIT, MAIN])
    axis.axvline(quality.limit, color=LIMIT, linewidth=1, linestyle=(0, (5, 3)))
    if quality.is_logarithmic:
        logarithmic(axis, "x")
    axis.set_xlim(edges[0], edges[-1])
    number = int(is_flagged.sum())
    axis.set_title(f"{quality.flag}: {number:,}", color=LIMIT if number else INK, fontsize=10, loc="left")
    axis.set_xlabel(quality.title)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    bare(axis, "left", "bottom")


def darkest(images: Images, count: int = 8) -> Figure | Shown:
    return _lowest(images, "lightest", "Darkest: 99 % of the pixels are below this luma", count)


def blurriest(images: Images, count: int = 8) -> Figure | Shown:
    return _lowest(images, "sharpness", "Blurriest: variance of the Laplacian", count)


def _lowest(images: Images, column: str, title: str, count: int) -> Figure | Shown:
    rows = data.lowest(images, column, count)
    shown = [_with(row, f"{column} {row[column]:.3g}") for row in rows]
    return grid(shown, title) if rows else NO_IMAGES


def duplicates(images: Images, flag: str, count: int = 4) -> Figure | Shown:
    """Draw images that repeat others, each beside the one that it repeats."""
    if images.is_empty:
        return NO_IMAGES
    pairs = data.pairs(images, flag, count)
    gone = Picture(b"", ("not in the table",))
    shown = [
        each
        for pair in pairs
        for each in (_with(pair.first, "first") if pair.first else gone, _with(pair.repeat, "repeats it"))
    ]
    title = f"{flag}: {data.flags(images)[flag]:,}, the latest"
    return grid(shown, title, columns=4) if shown else Shown(f"No image is flagged {flag}.")


def _with(row: Row, line: str) -> Picture:
    shown = picture(row)
    return shown._replace(lines=(*shown.lines, line))
