"""JPEG files without an end marker: those that have every pixel all the same are completed."""

import contextlib
import hashlib
import io
import zlib
from collections import defaultdict
from dataclasses import replace

from PIL.JpegImagePlugin import JpegImageFile

from arus.image_headers import JPEG_END_MARKER, Header, jpeg_scans, jpeg_segments

RESTARTS = [bytes([0xFF, 0xD0 + number]) for number in range(8)]
COEFFICIENTS = range(64)  # of a block of 8 x 8 pixels
# Where a scan ends early, what stands behind it is decoded in its place. Fillings begin with all
# pairs of bits; many ones make long codes, and these great changes. They have restart markers too,
# without which no further interval of a scan is decoded.
FILLING_STARTS = (0x1F, 0x5F, 0xBF, 0xFE)
FILLING_BYTES = 1024  # of four blocks
# So many bytes of a scan are not all of blocks beyond the picture's edge: where none of them is
# needed, something else stands behind the picture.
SPARE_BYTES = 64


def completed(header: Header) -> Header:
    """Return the header of a JPEG file with the end marker that its picture lacks.

    Where the picture lacks more than that, it is returned as it is, and cannot be decoded.
    """
    body = header.picture.rstrip(b"\xff")
    with contextlib.suppress(OSError):
        scan = _last_scan(body)
        if scan and _is_whole(body) and not _has_more(body, scan):
            return replace(header, picture=body + JPEG_END_MARKER)
    return header


def _last_scan(picture: bytes) -> int | None:
    """Return where the last scan's data begins, None where the scans have not all coefficients."""
    *_, (_, first, _) = jpeg_segments(picture)
    sent: dict[int, set[int]] = defaultdict(set)
    end = 0
    for begin, end in jpeg_scans(picture, first):
        if end > len(picture):
            return None
        spectrum_begin, spectrum_end, approximation = picture[end - 3 : end]
        if approximation & 15 == 0:
            for component in picture[begin + 5 : end - 3 : 2]:
                sent[component].update(range(spectrum_begin, spectrum_end + 1))
    components = JpegImageFile(io.BytesIO(picture)).layers
    complete = [each for each in sent if sent[each].issuperset(COEFFICIENTS)]
    return end if len(complete) == components else None


def _is_whole(picture: bytes) -> bool:
    """Return whether a picture has all its scans' data: none of what stands behind it is decoded.

    libjpeg itself fills missing data with grey, and Pillow does not pass its warning on.
    """
    pixels = _pixels(picture)
    return all(_pixels(picture + filling) == pixels for filling in FILLINGS)


def _has_more(picture: bytes, scan: int) -> bool:
    """Return whether something else stands behind the last scan's data, which begins at `scan`."""
    spared = max(scan, len(picture) - SPARE_BYTES)
    return _is_whole(picture[:spared]) and not _is_whole(picture[:scan])


def _pixels(picture: bytes) -> int:
    """Return a checksum of a picture's pixels."""
    return zlib.crc32(JpegImageFile(io.BytesIO(picture + JPEG_END_MARKER)).tobytes())


def _filling(number: int) -> bytes:
    one, other = (hashlib.shake_128(bytes([number, half])).digest(FILLING_BYTES) for half in (0, 1))
    ones = bytes(a | b for a, b in zip(one, other, strict=True)).replace(b"\xff", b"\xfe")
    part = bytes([FILLING_STARTS[number]]) + ones
    first = number * len(RESTARTS) // len(FILLING_STARTS)
    return part + b"".join(each + part for each in RESTARTS[first:] + RESTARTS[:first])


FILLINGS = [_filling(number) for number in range(len(FILLING_STARTS))]
