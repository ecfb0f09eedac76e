"""An image file at another size: upright, in sRGB, without metadata, and with no more decoded than that needs."""

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from PIL import Image, ImageCms

from arus.errors import ArusError
from arus.image_files import UPLOADED, Limits, OpenedImage, decode, flatten, open_image, plain, upright

FITS = ("cover", "contain", "pad", "exact")
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 85},
    "PNG": {"compress_level": 4},
    "WEBP": {"quality": 82, "method": 2},
}
LARGEST_SIDE = 10_000
# The filter gets at least twice the pixels a side that it is to leave; a quick average takes away what is more. Of a
# JPEG file, libjpeg leaves as few as it can: its scaled transform is as good a filter, and half the time is there.
REDUCING_GAP = 2.0
CACHED_PROFILES = 16
SRGB_NAME = b"sRGB IEC61966-2.1"
SRGB_NAME_UTF16 = "sRGB".encode("utf-16-be")

Size = tuple[int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Target:
    """What to make: pixels, how the picture fits them, and the file's format.

    cover: fills them, what is too much is cut off evenly. contain: lies within them, and is as large as it can be. pad:
    the same, with white (or nothing) around it. exact: stretched.
    """

    width: int = 300
    height: int = 300
    fit: str = "cover"
    format: str = "JPEG"
    quality: int | None = None  # 1 to 100, of JPEG and WebP
    enlarge: bool = True

    def __post_init__(self) -> None:
        if not (1 <= self.width <= LARGEST_SIDE and 1 <= self.height <= LARGEST_SIDE):
            raise ArusError(f"size {self.width}x{self.height}: each side takes 1 to {LARGEST_SIDE} pixels")
        if self.fit not in FITS:
            raise ArusError(f"fit {self.fit!r}: choose one of {', '.join(FITS)}")
        if self.format not in FORMATS:
            raise ArusError(f"format {self.format!r}: choose one of {', '.join(FORMATS)}")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise ArusError(f"quality {self.quality}: takes 1 to 100")


DEFAULT = Target()


@dataclass(frozen=True)
class Resized:
    """The new file and its size in pixels, and what it was made from (its size as one sees it, upright)."""

    data: bytes
    format: str
    width: int
    height: int
    source_format: str
    source_width: int
    source_height: int


def resize(data: bytes, target: Target = DEFAULT, limits: Limits = UPLOADED) -> Resized:
    """Return the image file of these bytes as `target` asks for; the same bytes give the same. Raises RejectedImage."""
    opened = open_image(data, limits)
    is_turned = opened.header.orientation >= 5
    wanted = (target.height, target.width) if is_turned else (target.width, target.height)
    picture = _scaled(opened, wanted, target)
    picture = upright(_in_srgb(picture, opened.header.profile), opened.header.orientation)
    if target.format == "JPEG":
        picture = flatten(picture)
    if target.fit == "pad":
        picture = _padded(picture, (target.width, target.height))
    source = opened.size[::-1] if is_turned else opened.size
    return Resized(_encoded(picture, target), target.format, *picture.size, opened.format, *source)


def scaled_size(source: Size, wanted: Size, fit: str, enlarge: bool = True) -> tuple[Size, Box]:
    """Return the size to scale to, and the box of the source that is scaled to it."""
    whole = (0.0, 0.0, float(source[0]), float(source[1]))
    if fit == "exact":
        return wanted, whole
    ratios = [side / had for side, had in zip(wanted, source, strict=True)]
    if fit == "cover":
        factor = max(ratios)
        width, height = (side / factor for side in wanted)
        left, top = (source[0] - width) / 2, (source[1] - height) / 2
        return wanted, (max(left, 0.0), max(top, 0.0), min(left + width, source[0]), min(top + height, source[1]))
    factor = min(ratios) if enlarge else min(*ratios, 1.0)
    return (max(round(source[0] * factor), 1), max(round(source[1] * factor), 1)), whole


def _scaled(opened: OpenedImage, wanted: Size, target: Target) -> Image.Image:
    size, (left, top, right, bottom) = scaled_size(opened.size, wanted, target.fit, target.enlarge)
    across, down = opened.size[0] / (right - left), opened.size[1] / (bottom - top)
    if opened.format == "JPEG":
        opened.file.draft(None, (round(size[0] * across), round(size[1] * down)))
    picture = plain(decode(opened))
    x, y = picture.width / opened.size[0], picture.height / opened.size[1]
    box = (left * x, top * y, right * x, bottom * y)
    return picture.resize(size, Image.Resampling.BICUBIC, box, REDUCING_GAP)


def _padded(picture: Image.Image, size: Size) -> Image.Image:
    colour = 0 if picture.mode in ("LA", "RGBA") else "white"
    padded = Image.new(picture.mode, size, colour)
    padded.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return padded


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture with its colours as they are seen, without the need of its profile."""
    if not profile or SRGB_NAME in profile or SRGB_NAME_UTF16 in profile:
        return picture
    transform = _transform(profile, picture.mode)
    return cast(Image.Image, ImageCms.applyTransform(picture, transform)) if transform else picture


@lru_cache(CACHED_PROFILES)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return what takes pixels of this profile to sRGB; None where the profile is broken or of other pixels."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _encoded(picture: Image.Image, target: Target) -> bytes:
    picture.info = {}
    options = FORMATS[target.format] | ({"quality": target.quality} if target.quality else {})
    file = io.BytesIO()
    picture.save(file, target.format, **options)
    return file.getvalue()
