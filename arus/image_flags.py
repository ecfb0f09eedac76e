"""The rules by which an image is told to be a bad or a double example, as plain functions of what was measured."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

# Hexadecimal digits of a perceptual hash; of all zeros, it stands for a picture of one colour.
NO_HASH = "0" * 16
HASH_BITS = 64
# So many bits may differ between near duplicates: a recompressed or scaled copy differs in fewer, others in twenty.
NEAR_BITS = 4
EXTENSIONS = {
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "jpe": "JPEG",
    "jfif": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "gif": "GIF",
    "bmp": "BMP",
    "tif": "TIFF",
    "tiff": "TIFF",
    "avif": "AVIF",
    "heic": "HEIC",
    "ico": "ICO",
}
# What a browser may have left of the address a file came from.
QUERY = re.compile(r"[?&].*", re.DOTALL)


@dataclass(frozen=True)
class Thresholds:
    """From where on a measure is a flag."""

    dark: float = 0.25  # luma (0 to 1) that 99 % of the pixels are below
    light: float = 0.95  # luma that 95 % of the pixels are above
    blurry: float = 60.0  # variance of the Laplacian
    low_information: float = 2.5  # bits a pixel
    grayscale: float = 2.0  # colourfulness
    odd_aspect: float = 0.4  # shorter to longer side
    smallest_side: int = 48  # pixels
    largest_side: int = 6000  # pixels


DEFAULT = Thresholds()


def flags(
    name: str,
    content: str,
    size: tuple[int, int],
    measured: Mapping[str, float],
    limits: Thresholds = DEFAULT,
    has_end: bool = True,
) -> list[str]:
    """Return what is odd about the image of this file name, format by content, size and measures.

    has_end: whether the file has its end marker.
    """
    short, long = sorted(size)
    told = {
        "dark": measured["lightest"] < limits.dark,
        "light": measured["darkest"] > limits.light,
        "blurry": measured["sharpness"] < limits.blurry,
        "low-information": measured["entropy"] < limits.low_information,
        "odd-size": short < limits.smallest_side or long > limits.largest_side,
        "odd-aspect": short / long < limits.odd_aspect,
        "grayscale": measured["colourfulness"] < limits.grayscale,
        "wrong-extension": has_wrong_extension(name, content),
        "no-end-marker": not has_end,
    }
    return [flag for flag, is_so in told.items() if is_so]


def has_wrong_extension(name: str, content: str) -> bool:
    """Return whether a file's name says another format than its content has, or two; no extension says nothing."""
    _, *extensions = QUERY.sub("", name).rstrip(". ").lower().split(".")
    if not extensions or not extensions[-1].isalnum():
        return False
    said = {EXTENSIONS[each] for each in extensions if each in EXTENSIONS}
    return extensions[-1] not in EXTENSIONS or said != {content}


def hash_distance(one: str, other: str) -> int:
    """Return the Hamming distance of two perceptual hashes: how many of 64 bits differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def are_near_duplicates(one: str, other: str, most: int = NEAR_BITS) -> bool:
    """Return whether two perceptual hashes are of the same picture; those of one colour are like no other."""
    return NO_HASH not in (one, other) and hash_distance(one, other) <= most


def bands(phash: str, most: int = NEAR_BITS) -> list[str]:
    """Return parts of a perceptual hash, numbered: of any two hashes that differ in at most `most` bits, one is equal.

    They make a join of a comparison of all pairs: `most` differences cannot touch each of `most + 1` parts.
    """
    if phash == NO_HASH:
        return []
    bits = f"{int(phash, 16):064b}"
    cuts = [HASH_BITS * part // (most + 1) for part in range(most + 2)]
    return [f"{number}:{bits[begin:end]}" for number, (begin, end) in enumerate(pairwise(cuts))]
