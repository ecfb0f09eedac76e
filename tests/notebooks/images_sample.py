"""A small table of images with each fault in it, analysed as the job does, and the messages that it comes from."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageEnhance, ImageFilter

from arus.image_messages import ImageMessage
from producers import images_data
from tests.arus import image_rows
from tests.arus.delta_tables import Row
from tests.arus.image_samples import opened, picture, saved

# Of these leaves, none is spoilt.
SEED, DRAWN = 12, 20
TURNS = (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180)
HOSTILE = "$a_1$ <b>x</b> 葉\n.jpg"


def messages() -> list[ImageMessage]:
    """Return drawn leaves, and after them one image of each fault."""
    leaves = list(itertools.islice(images_data.pictures(SEED), DRAWN))
    leaf = next(image for image in leaves if image.filename.endswith(".jpg"))
    shown = opened(leaf.data).convert("RGB")
    # Turned, since a darker or greyer copy is a near duplicate.
    mirrored, turned, upside_down = (shown.transpose(way) for way in TURNS)
    made = {
        "dark.jpg": saved(ImageEnhance.Brightness(mirrored).enhance(0.15), "JPEG"),
        "blurred.jpg": saved(turned.filter(ImageFilter.GaussianBlur(20)), "JPEG"),
        "grey.png": saved(upside_down.convert("L"), "PNG"),
        "again.jpg": leaf.data,
        "alike.jpg": saved(shown.resize((200, 200)), "JPEG", quality=60),
        "wrong.png": saved(picture(150, 7), "JPEG"),
        "thin.webp": saved(picture(300, 8).resize((300, 40)), "WEBP"),
        HOSTILE: saved(picture(90, 9), "JPEG"),
        "cut.jpg": leaf.data[:900],
        "empty.jpg": b"",
        "page.jpg": b"<html>",
    }
    return leaves + [ImageMessage(name, "tea $x$", "", data) for name, data in made.items()]


def fill(home: Path, sent: Sequence[ImageMessage]) -> dict[str, list[Row]]:
    return image_rows.fill(home, sent)
