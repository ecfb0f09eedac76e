"""What a JPEG, PNG or WebP file says of itself, read before any decoder sees a byte of it.

Metadata ends here: a decoder gets the picture alone, without comments, EXIF, profiles, previews or what trails.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from arus.image_exif import UPRIGHT, orientation

# A file of 20 MB has 2,500 parts where an encoder wrote it, and five million where somebody wants to keep us busy.
MAX_PARTS = 10_000
# Each scan of a progressive JPEG goes over the whole picture; encoders write about ten.
MAX_SCANS = 100
MAX_PROFILE_BYTES = 1024 * 1024

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}

JPEG_END, JPEG_SCAN, JPEG_APP0, JPEG_EXIF, JPEG_ICC, JPEG_ADOBE = 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
JPEG_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}
JPEG_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_SEQUENTIAL = {0xC0, 0xC1}
JPEG_ALONE = {0x01, 0xD8}
JPEG_END_MARKER = b"\xff\xd9"
NEXT_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
ICC_START, EXIF_START = b"ICC_PROFILE\0", b"Exif\0\0"


class RejectedImage(Exception):  # noqa: N818 (not an error of the program: a verdict on a file)
    """A file that is no image to work with; `reason` is its code, as in `rejects/`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Header:
    """A file's size in pixels as stored, its picture, and what else it says of it.

    orientation: how to turn it upright (EXIF, 1 to 8); profile: its ICC profile; has_end: whether a
    JPEG file has its end marker.
    """

    width: int
    height: int
    picture: bytes
    orientation: int = UPRIGHT
    profile: bytes | None = None
    is_ycbcr: bool = False
    has_end: bool = True


def read_jpeg(data: bytes) -> Header:
    """Return the header of a JPEG file, its picture without metadata; raise RejectedImage."""
    kept, icc, frame, exif = [data[:2]], [], b"", b""
    kind, at, body = 0, 0, b""
    for marker, at, end in jpeg_segments(data):
        body = data[at + 4 : end]
        if marker in JPEG_TABLES or marker in JPEG_FRAMES or _says_colours(marker, body):
            kept.append(data[at:end])
        if marker in JPEG_FRAMES and not frame:
            kind, frame = marker, body
        elif marker == JPEG_EXIF and body.startswith(EXIF_START):
            exif = exif or body[len(EXIF_START) :]
        elif marker == JPEG_ICC and body.startswith(ICC_START):
            icc.append(body[len(ICC_START) :])
    if len(frame) < 6:
        raise RejectedImage("corrupt")
    is_one_scan = kind in JPEG_SEQUENTIAL and body[:1] == frame[5:6]
    if not is_one_scan:
        _check_scans(data, at)
    height, width = struct.unpack_from(">HH", frame, 1)
    picture = b"".join([*kept, data[at:]])
    has_end = data.endswith(JPEG_END_MARKER) or data.find(JPEG_END_MARKER, at) >= 0
    is_ycbcr = _is_ycbcr(kept, frame)
    return Header(width, height, picture, orientation(exif), _joined(icc), is_ycbcr, has_end)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, begin, end) of every segment up to the first scan's, which is the last."""
    at = 2
    for _ in range(MAX_PARTS):
        found = NEXT_JPEG_MARKER.search(data, at)
        if not found or found.end() + 2 > len(data):
            raise RejectedImage("truncated")
        at, marker = found.start(), data[found.start() + 1]
        if marker in JPEG_ALONE:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == JPEG_END or length < 2:
            raise RejectedImage("corrupt")
        if at + 2 + length > len(data):
            raise RejectedImage("truncated")
        yield marker, at, at + 2 + length
        if marker == JPEG_SCAN:
            return
        at += 2 + length
    raise RejectedImage("too-many-parts")


def _says_colours(marker: int, body: bytes) -> bool:
    return (marker == JPEG_APP0 and body.startswith(b"JFIF")) or (marker == JPEG_ADOBE and body.startswith(b"Adobe"))


def _is_ycbcr(kept: list[bytes], frame: bytes) -> bool:
    """Return whether the three components are surely Y, Cb and Cr (as libjpeg's jdapimin.c decides it)."""
    is_adobe = any(part[1] == JPEG_ADOBE for part in kept)
    return frame[5] == 3 and not is_adobe and frame[6:15:3] == b"\x01\x02\x03"


def _check_scans(data: bytes, first: int) -> None:
    if data.count(b"\xff\xda", first) <= MAX_SCANS:
        return
    if len(list(islice(jpeg_scans(data, first), MAX_SCANS + 1))) > MAX_SCANS:
        raise RejectedImage("too-many-scans")


def jpeg_scans(data: bytes, first: int) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of every scan's header from the first's begin on."""
    at = first
    for _ in range(MAX_PARTS):
        found = NEXT_JPEG_MARKER.search(data, at)
        if not found or found[0][1] == JPEG_END:
            return
        begin, at = found.span()
        if found[0][1] not in JPEG_ALONE:
            at += int.from_bytes(data[at : at + 2], "big")
        if found[0][1] == JPEG_SCAN:
            yield begin, at
    raise RejectedImage("too-many-parts")


def _joined(parts: list[bytes]) -> bytes | None:
    """Return the ICC profile of a JPEG file's APP2 segments, each with its number and their count in front."""
    parts = sorted(parts)
    if not parts or [part[:2] for part in parts] != [bytes([n, len(parts) & 255]) for n in range(1, len(parts) + 1)]:
        return None
    profile = b"".join(part[2:] for part in parts)
    if len(profile) > MAX_PROFILE_BYTES:
        raise RejectedImage("oversize-profile")
    return profile


def read_png(data: bytes) -> Header:
    """Return the header of a PNG file, its picture without metadata; raise RejectedImage."""
    kept, profile, exif, head = [PNG_START], None, b"", b""
    for kind, begin, end in _png_chunks(data):
        body = data[begin + 8 : end - 4]
        if kind in PNG_PICTURE:
            _check_crc(data, begin, end)
            kept.append(data[begin:end])
        if kind == b"IHDR":
            head = head or body
        elif kind == b"acTL" and int.from_bytes(body[:4], "big") > 1:
            raise RejectedImage("animated")
        elif kind == b"iCCP":
            profile = _inflated(body.partition(b"\0")[2][1:])
        elif kind == b"eXIf":
            exif = body
    if len(head) != 13 or kept[1][4:8] != b"IHDR":
        raise RejectedImage("corrupt")
    width, height = struct.unpack_from(">II", head)
    return Header(width, height, b"".join(kept), orientation(exif), profile)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, begin, end) of every chunk up to IEND."""
    at = len(PNG_START)
    for _ in range(MAX_PARTS):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            raise RejectedImage("truncated")
        kind = data[at + 4 : at + 8]
        yield kind, at, end
        if kind == b"IEND":
            return
        at = end
    raise RejectedImage("too-many-parts")


def _check_crc(data: bytes, begin: int, end: int) -> None:
    if zlib.crc32(memoryview(data)[begin + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
        raise RejectedImage("corrupt")


def _inflated(packed: bytes) -> bytes | None:
    """Return a PNG file's ICC profile, None where it is broken."""
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(packed, MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    if inflater.unconsumed_tail:
        raise RejectedImage("oversize-profile")
    return profile


def read_webp(data: bytes) -> Header:
    """Return the header of a WebP file, its picture without what trails; raise RejectedImage."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) or len(data) < 30:
        raise RejectedImage("truncated")
    parts = dict(_webp_chunks(data, end))
    if b"ANIM" in parts or b"ANMF" in parts:
        raise RejectedImage("animated")
    width, height = _webp_size(data)
    exif = parts.get(b"EXIF", b"")
    return Header(width, height, data[:end], orientation(exif.removeprefix(EXIF_START)), parts.get(b"ICCP"))


def _webp_chunks(data: bytes, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, body) of every chunk, without the bodies of those that are the picture."""
    at = 12
    for _ in range(MAX_PARTS):
        if at + 8 > end:
            return
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        yield kind, data[at + 8 : at + 8 + length] if kind in (b"EXIF", b"ICCP") else b""
        at += 8 + length + length % 2
    raise RejectedImage("too-many-parts")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return the width and height of the canvas (RFC 9649, sections 2.5 to 2.7)."""
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise RejectedImage("corrupt")
