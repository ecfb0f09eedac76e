"""What a part of a form is: a file to take or not, and the name that the file was sent with."""

import re
from urllib.parse import unquote_to_bytes

from multipart import MultipartSegment

FILE_FIELD = "file"
# The usual names besides, of one file or several, in any case; PHP writes a list as files[].
_FILE_FIELDS = re.compile(r"(?:file|image|photo|picture|upload)s?(?:\[[0-9]{0,3}\])?", re.IGNORECASE)
TAKEN = "`file`, `image`, `photo`, `picture` and `upload`, with `s` or `[]` for several"
_PARAMETER = re.compile(r""";\s*([\w-]+\*?)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)""")
# RFC 8187, with the quotes that some put around it.
_EXTENDED = re.compile(r""""?(utf-8|iso-8859-1)'[^']*'([^"]+)"?\s*""", re.IGNORECASE)


def is_file(part: MultipartSegment) -> bool:
    """Return whether a part is a file to take; in any field but `file`, a text is none."""
    if part.name == FILE_FIELD:
        return True
    has_name = "filename" in part.header("Content-Disposition", "").lower()
    return has_name and _FILE_FIELDS.fullmatch(part.name) is not None


def field_of(part: MultipartSegment) -> str:
    return _utf8(part.name)


def filename_of(part: MultipartSegment) -> str:
    """Return the name that a file came with, `filename*` before `filename`; "" where none did."""
    for name, value in _PARAMETER.findall(part.header("Content-Disposition", "")):
        if name.lower() == "filename*" and (extended := _EXTENDED.fullmatch(value)):
            charset, escaped = extended.groups()
            return unquote_to_bytes(escaped.encode("latin-1")).decode(charset, "replace")
    # A name that breaks the header's own rules leaves none, but the file is there.
    return _utf8(part.filename or "")


def _utf8(text: str) -> str:
    # The parser reads headers as Latin-1: names come in any encoding.
    return text.encode("latin-1").decode(errors="replace")
