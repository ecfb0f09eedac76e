"""Numbers, ages and texts in the few characters of a column."""


def short(number: float | None) -> str:
    """Return a number in at most 8 characters: 271,910, then 1.27M."""
    if number is None:
        return "-"
    if number < 1_000_000:
        return f"{number:,.0f}"
    for unit in ("M", "G"):
        number /= 1_000_000 if unit == "M" else 1_000
        if number < 1_000:
            return f"{number:.4g}{unit}"
    return f"{number:,.0f}G"


def age(seconds: float | None) -> str:
    """Return seconds in at most 4 characters, up to 27 years."""
    if seconds is None:
        return "-"
    for limit, unit_seconds, unit in ((100, 1, "s"), (6000, 60, "m"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{max(seconds, 0) / unit_seconds:.0f}{unit}"
    return f"{seconds / 86_400:.0f}d"


def cut(text: str, width: int) -> str:
    """Return the text, or its beginning and an ellipsis where it is longer than the width."""
    return text if len(text) <= width else text[: width - 1] + "…"
