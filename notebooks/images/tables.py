"""What `images.ipynb` says in words and small tables."""

from collections import Counter

import numpy as np

from arus import delta_files
from arus.image_stored import TABLE
from notebooks.images.data import Images, balance, flags, formats, reasons, sizes, values
from notebooks.shown import NO_IMAGES, Shown

MEASURES = ("brightness", "contrast", "entropy", "sharpness", "colourfulness")
PARTS = (5, 50, 95)


def summary(images: Images) -> str:
    """Return in one line what there is to see, or how to get it."""
    if images.is_empty:
        return (
            f"No images yet in {delta_files.path_of(TABLE)}: "
            'say `make demo ARGS="--with images"`, then run this notebook again.'
        )
    return f"Looking at {images.rows.num_rows:,} images, of the table {delta_files.path_of(TABLE)}."


def rarest(images: Images, count: int = 5) -> Shown:
    """Return the classes with the fewest images, of those that have any."""
    if images.is_empty:
        return NO_IMAGES
    found = balance(images)
    there = [
        (int(number), plant, disease)
        for plant, row in zip(found.plants, found.counts, strict=True)
        for disease, number in zip(found.diseases, row, strict=True)
        if number
    ]
    least, most = min(there)[0], max(there)[0]
    caption = f"{len(there)} classes of {least:,} to {most:,} images, {most / least:.1f} times as many. The smallest:"
    rows = [(plant, disease, f"{number:,}") for number, plant, disease in sorted(there)[:count]]
    return Shown(caption, ("plant", "disease", "images"), rows, text_columns=2)


def common_sizes(images: Images, count: int = 8) -> Shown:
    """Return the most frequent sizes."""
    if images.is_empty:
        return NO_IMAGES
    found = sizes(images)
    rows = [(f"{width} x {height}", *_share(number, images)) for width, height, number in found[:count]]
    which = f", the {count} most frequent" if len(found) > count else ""
    return Shown(f"Sizes in pixels: {len(found):,}{which}", ("size", "images", "share"), rows)


def measures(images: Images) -> Shown:
    """Return where the images lie in each measure: what 5 %, half and 95 % of them are below."""
    if images.is_empty:
        return NO_IMAGES
    rows = [(name, *(f"{part:.2f}" for part in np.percentile(values(images, name), PARTS))) for name in MEASURES]
    return Shown("So many images are below", ("measure", *(f"{part} %" for part in PARTS)), rows)


def flagged(images: Images) -> Shown:
    """Return how many images have each flag."""
    if images.is_empty:
        return NO_IMAGES
    found = flags(images)
    if not found:
        return Shown("No image has a flag.")
    rows = [(flag, *_share(count, images)) for flag, count in _ordered(found)]
    return Shown("Flags: what is odd about an image", ("flag", "images", "share"), rows)


def by_format(images: Images) -> Shown:
    """Return formats by content, and the images whose names say another."""
    if images.is_empty:
        return NO_IMAGES
    rows = [(name, *_share(count, images), f"{wrong:,}") for name, count, wrong in formats(images)]
    return Shown("Formats, by content", ("format", "images", "share", "wrong extension"), rows)


def rejected(images: Images) -> Shown:
    """Return the messages that were no usable images, by reason."""
    found = reasons(images)
    if not found:
        return Shown("Nothing was rejected.")
    caption = f"Rejected: {found.total():,} of {found.total() + images.rows.num_rows:,} messages"
    return Shown(caption, ("reason", "messages"), [(reason, f"{number:,}") for reason, number in _ordered(found)])


def _ordered(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _share(count: int, images: Images) -> tuple[str, str]:
    return f"{count:,}", f"{count / images.rows.num_rows:.1%}"
