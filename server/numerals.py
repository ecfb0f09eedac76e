"""How pages show a number: with commas, and with as many decimals as tell something."""

from typing import Any

from flask import Flask

NONE = "\u2013"


def install(app: Flask) -> None:
    """Give templates the filters `number` and `share`."""
    app.add_template_filter(number)
    app.add_template_filter(share)


def number(value: Any) -> str:
    """Return 1234 as 1,234, 4.1 as 4.10, 0.0123 as 0.012; what is no number as a dash."""
    if not _is_number(value):
        return NONE
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if value == 0 or abs(value) >= 1 else f"{value:.2g}"


def share(value: Any) -> str:
    """Return 0.123 as 12.3%."""
    return f"{value:.1%}" if _is_number(value) else NONE


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
