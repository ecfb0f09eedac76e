"""The names of strangers' files: shown and stored as text, never used as paths. Files get generated names."""

import re
import unicodedata
import uuid

from arus.text import printable

LONGEST_NAME = 200
KEPT_END = 20
UNNAMED = "unnamed"
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


def shown_name(name: str) -> str:
    """Return any file name as one printable line of at most 200 characters that UTF-8 can hold, without folders."""
    last = re.split(r"[/\\]", name)[-1]
    # What was no UTF-8 on disk is a lone surrogate here.
    text = last.encode("utf-8", "backslashreplace").decode()
    text = printable(unicodedata.normalize("NFC", text)).strip(" ")
    if text.strip(".") == "":
        return UNNAMED
    if len(text) > LONGEST_NAME:
        text = f"{text[: LONGEST_NAME - KEPT_END - 1]}…{text[-KEPT_END:]}"
    return text


def generated_name(image_format: str) -> str:
    """Return a new file name for an image of this format, which says nothing else and meets no other."""
    return f"{uuid.uuid4().hex}.{EXTENSIONS[image_format]}"
