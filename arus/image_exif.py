"""How a camera was held, as the EXIF data of an image file says."""

import struct

MAX_TAGS = 200
ORIENTATION_TAG, SHORT = 0x0112, 3
UPRIGHT = 1


def orientation(exif: bytes) -> int:
    """Return the orientation (1 to 8) in a TIFF header's first directory, upright where there is none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if not order or len(exif) < 14:
        return UPRIGHT
    (first,) = struct.unpack_from(f"{order}I", exif, 4)
    if first + 2 > len(exif):
        return UPRIGHT
    (tags,) = struct.unpack_from(f"{order}H", exif, first)
    for at in range(first + 2, min(first + 2 + 12 * min(tags, MAX_TAGS), len(exif) - 11), 12):
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, at)
        if tag == ORIENTATION_TAG:
            return value if kind == SHORT and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
