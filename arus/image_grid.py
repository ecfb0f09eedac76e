"""Pictures side by side with what is known of each: as a PNG file, or in a window."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from arus.errors import ArusError
from arus.image_files import ANALYSED, decode, flatten, open_image, plain
from arus.image_headers import RejectedImage
from arus.image_tally import without_middle

SIDE_INCHES = 2.2
GAP_INCHES = 0.25
LINE_INCHES = 0.19
TITLE_INCHES = 0.45
LEAST_COLUMNS = 4
FONT_POINTS = 8.5
LONGEST_LINE = 30
DOTS_AN_INCH = 110
GLYPHS = get_font(findfont("DejaVu Sans")).get_charmap()
INK, WARNING, NOTHING = "#222222", "#b2300c", "#e4e4e4"


class Picture(NamedTuple):
    """An image file, what is known of it, a line each, and what is wrong with it."""

    data: bytes
    lines: tuple[str, ...]
    warning: str = ""


def grid(pictures: Sequence[Picture], title: str, columns: int | None = None, figure: Figure | None = None) -> Figure:
    """Return the pictures in rows with their lines below, drawn on a new figure if none is given."""
    across = columns or min(len(pictures), max(LEAST_COLUMNS, math.ceil(math.sqrt(len(pictures)))))
    down = math.ceil(len(pictures) / across)
    lines = max(len(picture.lines) + bool(picture.warning) for picture in pictures)
    row_inches = SIDE_INCHES + GAP_INCHES + lines * LINE_INCHES
    width, height = across * (SIDE_INCHES + GAP_INCHES) + GAP_INCHES, down * row_inches + TITLE_INCHES
    figure = figure or Figure()
    figure.set_size_inches(width, height)
    title = fit(title, across * LONGEST_LINE)
    figure.text(GAP_INCHES / width, 1 - 0.1 / height, title, va="top", parse_math=False, color=INK, fontsize=11)
    for at, picture in enumerate(pictures):
        left = GAP_INCHES + at % across * (SIDE_INCHES + GAP_INCHES)
        bottom = height - TITLE_INCHES - at // across * row_inches - SIDE_INCHES
        _draw_image(
            figure.add_axes((left / width, bottom / height, SIDE_INCHES / width, SIDE_INCHES / height)), picture
        )
        _write_lines(figure, picture, (left + SIDE_INCHES / 2) / width, bottom / height, LINE_INCHES / height)
    return figure


def _draw_image(axis: Axes, picture: Picture) -> None:
    """Draw one image as large as it fits the square, in its middle; one that is none as its reason."""
    axis.axis("off")
    try:
        image = flatten(plain(decode(open_image(picture.data, ANALYSED)))).convert("RGB")
    except RejectedImage as rejected:
        axis.fill_between((0, 1), 0, 1, color=NOTHING, linewidth=0)
        axis.text(0.5, 0.5, rejected.reason, ha="center", va="center", color=WARNING, fontsize=FONT_POINTS)
    else:
        longer = max(image.size)
        x, y = (1 - image.width / longer) / 2, (1 - image.height / longer) / 2
        axis.imshow(image, extent=(x, 1 - x, y, 1 - y), interpolation="antialiased")
    axis.set(xlim=(0, 1), ylim=(0, 1))


def _write_lines(figure: Figure, picture: Picture, middle: float, top: float, step: float) -> None:
    """Write the lines below an image, the warning last and in red; where to is in shares of the figure."""
    texts = [(line, INK) for line in picture.lines] + [(picture.warning, WARNING)] * bool(picture.warning)
    for number, (text, colour) in enumerate(texts):
        y = top - (number + 0.3) * step
        figure.text(middle, y, fit(text), ha="center", va="top", fontsize=FONT_POINTS, color=colour, parse_math=False)


def fit(text: str, longest: int = LONGEST_LINE) -> str:
    """Return text that can be drawn: on one line, its middle left out where it is too long, □ for what has no glyph."""
    known = "".join(sign if sign.isprintable() and ord(sign) in GLYPHS else "□" for sign in text.strip())
    return without_middle(known, longest)


def write(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG file, whole or not at all; ArusError where that cannot be."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(temporary, format="png", dpi=DOTS_AN_INCH)
        temporary.replace(path)
    except OSError as error:
        raise ArusError(f"{path} cannot be written: {error.strerror}; --png takes another file") from error


def open_window(pictures: Sequence[Picture], title: str) -> None:
    """Show the pictures in a window until it is closed; ArusError where none can be opened."""
    from matplotlib import pyplot

    no_window = "no window can be opened here: leave out --window, and a PNG file is written"
    try:
        figure = pyplot.figure()
    except ImportError as error:
        raise ArusError(no_window) from error
    if figure.canvas.required_interactive_framework is None:
        raise ArusError(no_window)
    grid(pictures, title, figure=figure)
    pyplot.show()
