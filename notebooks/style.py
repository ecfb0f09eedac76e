"""What the pictures of `retail.ipynb` share: colours, sizes, axes, and text that is drawn as it is."""

from matplotlib.axes import Axes
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

WIDTH_INCHES = 11.0
# Okabe and Ito's, made for those who see no red or no green, without the yellow, which is lost on white.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#505050", "#7a5c00")
MAIN, SECOND, QUIET, INK = COLOURS[0], COLOURS[1], "#b5b5b5", "#222222"
LONGEST_NAME = 24
GLYPHS = get_font(findfont("DejaVu Sans")).get_charmap()
# From so many times the least on, an axis has no room for 2 and 5.
WIDE = 2000


def colour_of(cluster: int) -> str:
    """Return a cluster's colour, the same in every picture and model."""
    return COLOURS[cluster % len(COLOURS)]


def bare(axis: Axes, *sides: str) -> None:
    for side, spine in axis.spines.items():
        spine.set_visible(side in sides)


def logarithmic(axis: Axes, *which: str) -> None:
    """Make the x or y axis logarithmic, or both, its ticks plain numbers: 1, 2, 5, 10, or 1, 10, 100."""
    for name in which:
        axis.set(**{f"{name}scale": "log"})
        own = getattr(axis, f"{name}axis")
        low, high = sorted(own.get_view_interval())
        subs = (1.0, 2.0, 5.0) if high / low < WIDE else (1.0,)
        own.set_major_locator(LogLocator(subs=subs, numticks=12))
        own.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        own.set_minor_locator(NullLocator())


def short(value: float) -> str:
    """Return a number as briefly as an axis wants it: 0.5, 12, 3.4k, 12k, 1.2M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def plain(name: str, longest: int = LONGEST_NAME) -> str:
    """Return text that matplotlib draws as it is: short, on one line, and no formula."""
    text = "".join(sign if sign.isprintable() and ord(sign) in GLYPHS else "□" for sign in name.strip())
    return (text if len(text) <= longest else f"{text[: longest - 1]}…").replace("$", r"\$")
