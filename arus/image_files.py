"""Image files of strangers, opened and decoded within limits: a picture, or the reason why not, and nothing else.

The first bytes decide which one decoder runs, never the file's name, and the limits are checked before it does. Reason
codes: empty, too-many-bytes, not-an-image, unsupported-format:NAME, truncated, corrupt, too-many-pixels, animated,
too-many-parts, too-many-scans, oversize-profile, too-much-memory.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from arus.image_headers import PNG_START, Header, RejectedImage, read_jpeg, read_png, read_webp
from arus.image_jpeg_end import completed

# What a stranger may send is written by encoders of our day; a data set also has what was common before.
WEB_FORMATS = ("JPEG", "PNG", "WEBP")
DATASET_FORMATS = (*WEB_FORMATS, "GIF", "BMP")
HEADERS = {"JPEG": read_jpeg, "PNG": read_png, "WEBP": read_webp}
DECODERS: dict[str, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
}
CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}
# Where in a file, which bytes, and what it then is.
SIGNATURES = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, PNG_START, "PNG"),
    (8, b"WEBPVP8", "WEBP"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"8BPS", "PSD"),
    (0, b"\0\0\0\x0cjP  ", "JPEG2000"),
)

# EXIF orientation -> what turns the picture upright.
TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Limits:
    """What a file may have at most, and which formats it may be in."""

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    formats: tuple[str, ...] = WEB_FORMATS


UPLOADED = Limits()
ANALYSED = Limits(formats=DATASET_FORMATS)


@dataclass(frozen=True)
class OpenedImage:
    """A file whose header is within the limits: its size as stored, and what decodes it once `decode` is called."""

    format: str
    header: Header
    file: ImageFile

    @property
    def size(self) -> tuple[int, int]:
        return self.header.width, self.header.height


def open_image(data: bytes, limits: Limits = UPLOADED) -> OpenedImage:
    """Return the file of these bytes, ready to decode; raise RejectedImage."""
    if not data:
        raise RejectedImage("empty")
    if len(data) > limits.max_bytes:
        raise RejectedImage("too-many-bytes")
    name = format_of(data)
    if name is None:
        raise RejectedImage("not-an-image")
    if name not in limits.formats or name not in DECODERS:
        raise RejectedImage(f"unsupported-format:{name}")
    header = HEADERS[name](data) if name in HEADERS else None
    if header:
        _check_size((header.width, header.height), limits)
    with _reasons():
        if header and not header.has_end:
            header = completed(header)
        file = DECODERS[name](io.BytesIO(header.picture if header else data))
        if getattr(file, "is_animated", False):
            raise RejectedImage("animated")
    _check_size(file.size, limits)
    return OpenedImage(name, header or Header(*file.size, data), file)


def format_of(data: bytes) -> str | None:
    """Return the format that the first bytes are of, as Pillow names it; None if that is no image's."""
    return next((name for at, start, name in SIGNATURES if data.startswith(start, at)), None)


def decode(opened: OpenedImage) -> Image.Image:
    """Return the pixels, at the size that `draft` was called for if it was; raise RejectedImage."""
    with _reasons():
        opened.file.load()
    return opened.file


def plain(image: Image.Image) -> Image.Image:
    """Return the picture in one of the modes L, RGB, LA and RGBA, whatever mode it was stored in."""
    with _reasons():
        if image.mode == "I;16":
            image = image.convert("I").point(lambda value: value * (1 / 256))
        elif image.mode in ("I", "F"):
            image = _stretched(image)
        if image.mode in ("1", "I"):
            return image.convert("L")
        if image.mode == "PA" or "transparency" in image.info:
            return image.convert("RGBA")
        return image if image.mode in ("L", "RGB", "LA", "RGBA") else image.convert("RGB")


def flatten(image: Image.Image) -> Image.Image:
    """Return a plain picture as L or RGB, on white where it is transparent."""
    if image.mode not in ("LA", "RGBA"):
        return image
    mode = image.mode[:-1]
    white = Image.new(mode, image.size, "white")
    white.paste(image.convert(mode), mask=image.getchannel("A"))
    return white


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture turned and mirrored as its EXIF orientation asks for."""
    return image.transpose(TRANSPOSES[orientation]) if orientation in TRANSPOSES else image


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    if min(size) < 1:
        raise RejectedImage("corrupt")
    if size[0] * size[1] > limits.max_pixels:
        raise RejectedImage("too-many-pixels")


def _stretched(image: Image.Image) -> Image.Image:
    """Return whole numbers or floats, which have no range of their own, as 0 to 255 from the least to the greatest."""
    low, high = cast(tuple[float, float], image.getextrema())
    scale = 255 / (high - low) if high > low else 0.0
    return image.convert("F").point(lambda value: value * scale - low * scale).convert("I")


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn whatever a decoder raises into a reason."""
    try:
        yield
    except RejectedImage:
        raise
    except MemoryError as error:
        raise RejectedImage("too-much-memory") from error
    except Exception as error:
        raise RejectedImage("truncated" if "truncated" in str(error) else "corrupt") from error
