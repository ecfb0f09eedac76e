"""The names of strangers' files: shown and stored as text, never used as paths. Files get generated names."""

import re
import unicodedata
import uuid

LONGEST_NAME = 200
KEPT_END = 20
UNNAMED = "unnamed"
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


def shown_name(name: str) -> str:
    """Return any file name as one printable line of at most 200 characters that UTF-8 can hold, without folders.

    What cannot be shown, control characters or bytes that are no UTF-8, is written as in a web address: %0A.
    """
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    text = "".join(char if char.isprintable() else _escaped(char) for char in last).strip(" ")
    if text.strip(".") == "":
        return UNNAMED
    if len(text) > LONGEST_NAME:
        text = f"{text[: LONGEST_NAME - KEPT_END - 1]}…{text[-KEPT_END:]}"
    return text


def _escaped(char: str) -> str:
    # A byte that was no UTF-8 on disk is one of these surrogates here.
    errors = "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass"
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", errors))


def generated_name(image_format: str) -> str:
    """Return a new file name for an image of this format, which says nothing else and meets no other."""
    return f"{uuid.uuid4().hex}.{EXTENSIONS[image_format]}"
