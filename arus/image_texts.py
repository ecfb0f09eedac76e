"""Images as text: base64 in every dialect that producers send, and what resembles it, by name.

Understood, alone and combined: the standard and the URL-safe alphabet, with and without `=` at the
end, in lines or with other white space, behind `data:image/...;base64,`, in a JSON string, and
behind white space or a byte order mark.

A blank may have been a `+` before somebody decoded a form. It is white space where all white space
parts the text into three or more pieces of one length, the last one not longer, or where the text
with `+` for its blanks had a length that base64 never has. Else an image's text with blanks is
refused as url-encoded: without one `+`, all that follows would be other bytes.
"""

import base64
import binascii
import codecs
import json
import re
from urllib.parse import unquote_to_bytes

from arus.image_files import format_of
from arus.image_flags import EXTENSIONS
from arus.image_headers import RejectedImage

DATA_URI = re.compile(rb"data:(?:.{0,1000}?;\s*base64\s*|[^,]{0,1000}),", re.IGNORECASE | re.DOTALL)
FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
GROUP = 4  # characters of base64 that make whole bytes

PYTHON_BYTES = re.compile(rb"""b(['"]).*\1""", re.IGNORECASE | re.DOTALL)
REGISTRY_START, REGISTRY_BYTES = b"\0", 5
GZIP_START = b"\x1f\x8b\x08"
HEX_STARTS = (b"0x", b"\\x")
LONGEST_PATH = 4096  # bytes, as Linux and most web servers have it
URL = re.compile(rb"[a-z][a-z0-9+.-]+://\S+", re.IGNORECASE)
PATH = re.compile(rf"[^\0\r\n]*\.(?:{'|'.join(EXTENSIONS)})".encode(), re.IGNORECASE)


def unquoted(value: bytes) -> bytes:
    """Return a text out of the JSON string that it may be in, without white space and BOM."""
    text = _trimmed(value)
    while text.startswith(b'"'):
        try:
            inner = json.loads(text, strict=False)
        except ValueError:
            break
        text = _trimmed(inner.encode(errors="replace"))
    return text


def _trimmed(value: bytes) -> bytes:
    return value.strip().removeprefix(codecs.BOM_UTF8).strip()


def bytes_in(text: bytes) -> bytes | None:
    """Return the bytes in a base64 text, None where it is none.

    Raises RejectedImage where the text plainly is another form of an image: python-bytes,
    url-encoded, schema-registry-header, hex-text, image-by-url, image-by-path or gzip.
    """
    text = unquoted(text)
    data = _decoded(text)
    if not _is_image(data):
        _refuse_other_forms(text, data)
    return data


def _is_image(data: bytes | None) -> bool:
    return data is not None and format_of(data) is not None


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        if not text.isascii():  # Most of what is no text ends here, for little.
            return None
    uri = DATA_URI.match(text)
    payload = text[uri.end() :].strip() if uri else text
    if b" " in payload and _had_plus(payload):
        raise RejectedImage("url-encoded")
    return _from_dialect(payload)


def _from_dialect(payload: bytes) -> bytes | None:
    digits = b"".join(payload.split()).translate(FROM_URL_SAFE)
    try:
        return base64.b64decode(digits + b"=" * (-len(digits) % GROUP), validate=True)
    except binascii.Error:
        return None


def _had_plus(payload: bytes) -> bool:
    """Return whether blanks in an image's base64 are not surely white space (see above)."""
    pieces = payload.split()
    columns = len(pieces[0])
    if len(pieces) > 2 and len(pieces[-1]) <= columns and {*map(len, pieces[:-1])} == {columns}:
        return False
    filled = b"".join(payload.replace(b" ", b"+").split())
    is_possible = not filled.endswith(b"=") or len(filled) % GROUP == 0
    return is_possible and _is_image(_from_dialect(filled))


def _refuse_other_forms(text: bytes, data: bytes | None) -> None:
    if PYTHON_BYTES.fullmatch(text):
        raise RejectedImage("python-bytes")
    if text.startswith(REGISTRY_START) and _is_understood(text[REGISTRY_BYTES:]):
        raise RejectedImage("schema-registry-header")
    if (data or text).startswith(GZIP_START):
        raise RejectedImage("gzip")
    if _is_image(_from_hex(text)):
        raise RejectedImage("hex-text")
    if len(text) <= LONGEST_PATH and URL.fullmatch(text):
        raise RejectedImage("image-by-url")
    if len(text) <= LONGEST_PATH and PATH.fullmatch(text):
        raise RejectedImage("image-by-path")
    if b"%" in text and text.isascii() and _is_image(_decoded(unquote_to_bytes(text))):
        raise RejectedImage("url-encoded")


def _is_understood(value: bytes) -> bool:
    text = unquoted(value)
    return _is_image(value) or text.startswith(b"{") or _is_image(_decoded(text))


def _from_hex(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex((text[2:] if text.startswith(HEX_STARTS) else text).decode("ascii"))
    except ValueError:
        return None
