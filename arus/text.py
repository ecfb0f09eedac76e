"""What strangers sent, made safe and short enough for a terminal."""

LONGEST_TEXT = 500
SHOWN_CHARACTERS = 60
SHOWN_BYTES = 16
HISSING = ("s", "ch")


def number_of(count: int, one: str) -> str:
    """Return a count with its noun, of which `one` is the singular: 1 class, 1,234 classes."""
    ending = "" if count == 1 else "es" if one.endswith(HISSING) else "s"
    return f"{count:,} {one}{ending}"


def printable(text: str) -> str:
    """Return the text with control characters escaped: they could rewrite or command the terminal of who looks."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def readable(data: bytes | None) -> str:
    """Return text as it is but with control characters escaped, and bytes or long text as their size and beginning."""
    if data is None:
        return "null"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"<{len(data)} bytes: {data[:SHOWN_BYTES].hex(' ')}{' ...' if len(data) > SHOWN_BYTES else ''}>"
    if len(text) > LONGEST_TEXT:
        return f"<{len(data)} bytes: {printable(text[:SHOWN_CHARACTERS])} ...>"
    return printable(text)
