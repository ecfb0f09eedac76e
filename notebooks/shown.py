"""A small table as a notebook shows it, or a sentence where there is none."""

import html
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Shown(NamedTuple):
    """A caption, the columns' names, and the cells: words on the left, numbers on the right.

    Without rows, the caption is all.
    """

    caption: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    text_columns: int = 1

    def __repr__(self) -> str:
        lines = [self.columns, *self.rows] if self.rows else []
        return "\n".join([self.caption, *("  ".join(line) for line in lines)])

    def _repr_html_(self) -> str:
        # A caption within the table would be as narrow as the table. The classes keep MathJax from
        # reading a warehouse's "$" as a formula.
        words = re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(self.caption))
        said = f'<p style="margin:4px">{words}</p>'
        return f'<div class="tex2jax_ignore mathjax_ignore">{said}{self._table()}</div>'

    def _table(self) -> str:
        if not self.rows:
            return ""
        lines = [("th", self.columns), *(("td", row) for row in self.rows)]
        cells = ("".join(self._cells(tag, texts)) for tag, texts in lines)
        return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"

    def _cells(self, tag: str, texts: Sequence[str]) -> Iterator[str]:
        for at, text in enumerate(texts):
            side = "left" if at < self.text_columns else "right"
            yield f'<{tag} style="text-align:{side}">{html.escape(text)}</{tag}>'


# What stands in the place of a picture or a table that has no data.
NO_READINGS = Shown("No readings yet: `make demo` brings some.")
NO_STATUS = Shown("No status yet: `make demo` brings readings, and the join gives them one.")
NO_SALES = Shown("No sales yet: `make demo` brings some.")
NO_MODEL = Shown("No model yet: `./spark-submit.sh retail_train` makes one.")
ONE_MODEL = Shown("Nothing moved yet: `./spark-submit.sh retail_train` makes the second model.")
NO_IMAGES = Shown('No images yet: `make demo ARGS="--with images"` brings some.')
