"""What Content-Encoding says of a body: gzip is undone, within the limit of the plain body."""

import zlib
from collections.abc import Mapping
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge

from server.problems import Problem

GZIP = ("gzip", "x-gzip")
# zlib's name for gzip with its header and checksum.
GZIP_WBITS = 31


def coding_of(environ: Mapping[str, Any]) -> str:
    """Return how a body is encoded, in lower case; "" where it comes as it is."""
    named = environ.get("HTTP_CONTENT_ENCODING", "").lower().split(",")
    return ", ".join(name for each in named if (name := each.strip()) not in ("", "identity"))


def decoded(sent: bytes, coding: str, most_bytes: int) -> bytes:
    """Return a body of at most so many bytes, decoded.

    Problem where it is encoded otherwise than by gzip, not gzip at all, cut off or too large.
    """
    if coding not in GZIP:
        detail = f"the body's Content-Encoding is {coding[:40]}: send it as it is, or as gzip"
        raise Problem(415, detail, headers=[("Accept-Encoding", "gzip")])
    stream = zlib.decompressobj(GZIP_WBITS)
    try:
        found = stream.decompress(sent, most_bytes + 1)
    except zlib.error as error:
        raise Problem(400, f"the body is not the gzip that it is said to be: {error}") from error
    if len(found) > most_bytes:
        raise RequestEntityTooLarge
    if not stream.eof:
        raise Problem(400, "the body ends too early: its gzip is cut off")
    if stream.unused_data:
        raise Problem(400, "the body goes on behind the end of its gzip")
    return found
