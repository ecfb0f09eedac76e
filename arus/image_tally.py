"""Images in sums, and sums as tables for a terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from arus.text import number_of, printable

LONGEST_CELL = 64
# A folder where each image has a folder of its own makes as many classes as images.
MOST_CLASSES = 200

Label = tuple[str, str]


@dataclass
class Tally:
    """How many images, and the sums of their bytes; of those with a known size, how many, and the sums of it."""

    count: int = 0
    bytes: int = 0
    sized: int = 0
    width: int = 0
    height: int = 0

    def add(self, other: "Tally") -> None:
        self.count += other.count
        self.bytes += other.bytes
        self.sized += other.sized
        self.width += other.width
        self.height += other.height

    @property
    def cells(self) -> tuple[str, str, str]:
        """Count, mean width x height in pixels, mean bytes."""
        size = f"{self.width / self.sized:.0f}x{self.height / self.sized:.0f}" if self.sized else "-"
        return f"{self.count:,}", size, f"{self.bytes / self.count:,.0f}" if self.count else "-"


TALLIED = ("images", "mean size", "mean bytes")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Return rows below a header in columns, the first `texts` of them from the left, safe on a terminal."""
    lines = [list(header), *([without_middle(printable(cell), LONGEST_CELL) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < texts else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def without_middle(text: str, longest: int) -> str:
    """Return the text; its beginning and its end where it is longer: of file names, both tell."""
    end = longest // 3
    return text if len(text) <= longest else f"{text[: longest - end - 1]}…{text[-end:]}"


def by_class(classes: dict[Label, Tally]) -> str:
    """Return a table of plants and diseases; of very many, the largest."""
    shown = sorted(classes)
    if len(shown) > MOST_CLASSES:
        shown = sorted(sorted(classes, key=lambda label: -classes[label].count)[:MOST_CLASSES])
    rows = [(*(part or "-" for part in label), *classes[label].cells) for label in shown]
    lines = [table(("plant", "disease", *TALLIED), rows, texts=2)]
    if more := len(classes) - len(shown):
        lines.append(f"... and {number_of(more, 'smaller class')}")
    return "\n".join(lines)


def by_one(name: str, tallies: dict[str, Tally]) -> str:
    """Return a table of the tallies by one thing, the most frequent first."""
    ordered = sorted(tallies, key=lambda key: (-tallies[key].count, key))
    rows = [(key or "-", *tallies[key].cells) for key in ordered[:MOST_CLASSES]]
    lines = [table((name, *TALLIED), rows)]
    if more := len(tallies) - len(rows):
        lines.append(f"... and {more:,} more")
    return "\n".join(lines)


def counted(name: str, counts: dict[str, int], of: int) -> str:
    """Return a table of counts and their share of `of` images, the most frequent first."""
    ordered = sorted(counts, key=lambda key: (-counts[key], key))[:MOST_CLASSES]
    return table((name, "images", "share"), [(key, f"{counts[key]:,}", f"{counts[key] / of:.1%}") for key in ordered])
