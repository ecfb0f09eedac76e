"""A small table as a notebook shows it."""

import html
from collections.abc import Sequence
from typing import NamedTuple


class Shown(NamedTuple):
    """A caption, the names of the columns, and the cells: text on the left, numbers, ready as text, on the right."""

    caption: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    text_columns: int = 1

    def __repr__(self) -> str:
        return "\n".join([self.caption, *("  ".join(row) for row in [self.columns, *self.rows] if row)])

    def _repr_html_(self) -> str:
        head = "".join(self._cell("th", at, name) for at, name in enumerate(self.columns))
        body = "".join(
            f"<tr>{''.join(self._cell('td', at, text) for at, text in enumerate(row))}</tr>" for row in self.rows
        )
        caption = f'<caption style="text-align:left">{html.escape(self.caption)}</caption>'
        # The classes keep MathJax from reading a warehouse's "$" as a formula.
        return f'<table class="tex2jax_ignore mathjax_ignore">{caption}<tr>{head}</tr>{body}</table>'

    def _cell(self, tag: str, at: int, text: str) -> str:
        side = "left" if at < self.text_columns else "right"
        return f'<{tag} style="text-align:{side}">{html.escape(text)}</{tag}>'
