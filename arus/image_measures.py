"""What an image is worth to a data set: measures of one decoded picture, and what they tell.

A picture is measured upright, on white, and at a size whose shorter side has 112 to 223 pixels (or as it is, where it
is smaller): the measures of two pictures compare, whatever their sizes, and a decoder need not do more than that.
Format, width, height, mode, bytes and orientation are the file's own. Colour profiles are left out of account.
"""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from arus.image_files import ANALYSED, Limits, OpenedImage, decode, flatten, open_image, plain, upright
from arus.image_flags import DEFAULT, Thresholds, flags

MEASURED_SIDE = 112
THUMBNAIL_SIDE = 128
THUMBNAIL_QUALITY = 75
HASH_SIDE = 32
NEUTRAL = 128
WHITE = 255

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """What is measured of one image file.

    brightness, contrast: mean and standard deviation of the luma; darkest, lightest: the luma below and above which
    are 5 % and 1 % of the pixels; all of them 0 to 1. entropy: bits a pixel of the luma's histogram, 0 to 8. sharpness:
    variance of the Laplacian. sha256, phash: hexadecimal. thumbnail: a JPEG file.
    """

    format: str
    width: int
    height: int
    mode: str
    byte_count: int
    orientation: int
    brightness: float
    contrast: float
    darkest: float
    lightest: float
    entropy: float
    sharpness: float
    colourfulness: float
    sha256: str
    phash: str
    flags: list[str]
    thumbnail: bytes


def analyse(data: bytes, name: str = "", limits: Limits = ANALYSED, thresholds: Thresholds = DEFAULT) -> Measures:
    """Return the measures of an image file of this content and name, decoded once; raise RejectedImage."""
    opened = open_image(data, limits)
    mode = opened.file.mode
    picture = _measured(opened)
    luma = picture if picture.mode == "L" else picture.getchannel(0)
    shares = np.array(picture.histogram(), np.float64).reshape(-1, 256) / (luma.width * luma.height)
    means = shares @ LEVELS
    deviations = np.sqrt(np.maximum(shares @ LEVELS**2 - means**2, 0.0))
    darkest, lightest = np.searchsorted(shares[0].cumsum(), (0.05, 0.99 - 1e-9)) / WHITE
    measured = {
        "brightness": float(means[0]) / WHITE,
        "contrast": float(deviations[0]) / WHITE,
        "darkest": float(darkest),
        "lightest": float(lightest),
        "entropy": entropy(shares[0]),
        "sharpness": sharpness(luma),
        "colourfulness": colourfulness(means[1:], deviations[1:]) if picture.mode == "YCbCr" else 0.0,
    }
    return Measures(
        format=opened.format,
        width=opened.header.width,
        height=opened.header.height,
        mode=mode,
        byte_count=len(data),
        orientation=opened.header.orientation,
        **measured,
        sha256=hashlib.sha256(data).hexdigest(),
        phash=perceptual_hash(luma),
        flags=flags(name, opened.format, opened.size, measured, thresholds, opened.header.has_end),
        thumbnail=thumbnail(picture),
    )


def _measured(opened: OpenedImage) -> Image.Image:
    """Return the picture as it is measured, in the modes L or YCbCr."""
    times = max(min(opened.size) // MEASURED_SIDE, 1)
    if opened.format == "JPEG":
        # libjpeg then skips what it would only throw away: finer detail, and the way to RGB and back.
        opened.file.draft(
            "YCbCr" if opened.header.is_ycbcr else None, (opened.size[0] // times, opened.size[1] // times)
        )
    image = decode(opened)
    if image.mode != "YCbCr":
        image = plain(image)
    if (left := min(image.size) // MEASURED_SIDE) > 1:
        image = image.reduce(left)
    image = upright(flatten(image), opened.header.orientation)
    return image.convert("YCbCr") if image.mode == "RGB" else image


def entropy(shares: Floats) -> float:
    """Return Shannon's entropy of a histogram in bits."""
    there = shares[shares > 0]
    return abs(float(-(there @ np.log2(there))))


def sharpness(luma: Image.Image) -> float:
    """Return the variance of the Laplacian, 0 where there is no neighbour on every side.

    Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy: a comparative study, ICPR 2000.
    """
    levels = np.asarray(luma).astype(np.int16)
    if min(levels.shape) < 3:
        return 0.0
    laplacian = levels[1:-1, :-2] + levels[1:-1, 2:]
    laplacian += levels[:-2, 1:-1]
    laplacian += levels[2:, 1:-1]
    laplacian -= levels[1:-1, 1:-1] << 2
    values = laplacian.astype(np.float32).ravel()
    return max(float(values @ values) / values.size - float(values.mean()) ** 2, 0.0)


def colourfulness(means: Floats, deviations: Floats) -> float:
    """Return the measure M3 of the means and standard deviations of Cb and Cr.

    Hasler and Suesstrunk, Measuring colourfulness in natural images, SPIE 5007, 2003. Its opponent colours, red minus
    green and yellow minus blue, follow from the chroma alone (JFIF 1.02); the covariance of Cb and Cr, which moves the
    measure by less than 1 %, is left out.
    """
    deviation = np.sqrt((OPPONENTS**2 @ deviations**2).sum())
    return float(deviation + 0.3 * np.hypot(*(OPPONENTS @ (means - NEUTRAL))))


def perceptual_hash(luma: Image.Image) -> str:
    """Return 64 bits that a scaled, recompressed or slightly altered picture keeps, zeros where it has one colour.

    Whether each of the 8 x 8 lowest frequencies of a 32 x 32 picture, the constant ones left out, is above the median:
    Zauner, Implementation and benchmarking of perceptual image hash functions, 2010, section 3.2.
    """
    small = np.asarray(luma.resize((HASH_SIDE, HASH_SIDE), Image.Resampling.BOX), np.float32)
    frequencies = (LOW_COSINES @ small @ LOW_COSINES.T).ravel()
    # A grey level of rounding is no frequency.
    bits = frequencies > max(float(np.sort(frequencies)[31:33].mean()), 1e-3)
    return np.packbits(bits).tobytes().hex()


def thumbnail(picture: Image.Image) -> bytes:
    """Return the picture as a JPEG file, scaled to at most 128 pixels a side."""
    longer = max(picture.size)
    if longer > THUMBNAIL_SIDE:
        width, height = (max(round(side * THUMBNAIL_SIDE / longer), 1) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BOX)
    picture.info = {}
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=THUMBNAIL_QUALITY)
    return file.getvalue()


def _low_cosines() -> npt.NDArray[np.float32]:
    """Return rows 1 to 8 of the type II discrete cosine transform of 32 values."""
    rows, columns = np.arange(1, 9)[:, None], np.arange(HASH_SIDE)[None, :]
    return np.cos(np.pi * rows * (2 * columns + 1) / (2 * HASH_SIDE)).astype(np.float32)


LEVELS = np.arange(256.0)
LOW_COSINES = _low_cosines()
# Cb, Cr -> R - G and (R + G) / 2 - B.
OPPONENTS = np.array([[0.344136, 2.116136], [-1.944068, 0.343932]])
