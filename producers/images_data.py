"""Drawn pictures of leaves and their diseases: 14 plants, 68 classes, no end. The same seed gives the same bytes.

Some are bad on purpose, as in any collection: blurred, dark, twice there, cut short, or named by another extension.
"""

import io
import itertools
import math
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from arus.image_messages import ImageMessage

SIDE = 256  # pixels
# Twice as large, then halved: smooth edges.
DRAWN = 2 * SIDE
SMALL_SET = 680
QUALITIES = (80, 85, 90)

BLURRED_SHARE = 0.03
DARK_SHARE = 0.03
DUPLICATE_SHARE = 0.03
TRUNCATED_SHARE = 0.015
MISLABELLED_SHARE = 0.03
PNG_SHARE = 0.03
WEBP_SHARE = 0.03

GRAIN_PIXELS = 2
# Pixels that a leaf's shadow falls to the right and down.
SHADOW = (7, 9)
STEPS = 60
SAVING: dict[str, dict[str, Any]] = {
    "jpg": {"format": "JPEG"},
    "png": {"format": "PNG", "compress_level": 1},
    "webp": {"format": "WEBP", "method": 0},
}

Colour = tuple[int, int, int]
Point = tuple[float, float]


class Leaf(NamedTuple):
    """How a plant's leaf looks: its width to its length, the points of its edge, how deep they are, its green."""

    width: float
    teeth: int
    depth: float
    green: Colour


class Spots(NamedTuple):
    """How a disease looks: how many spots, their radius in pixels, their colour and that of their rim."""

    number: int
    radius: float
    colour: Colour
    rim: Colour | None = None


LEAVES = {
    "apple": Leaf(0.58, 22, 0.03, (72, 128, 56)),
    "banana": Leaf(0.42, 0, 0.0, (104, 158, 62)),
    "bean": Leaf(0.74, 0, 0.0, (84, 146, 66)),
    "cassava": Leaf(0.8, 5, 0.42, (62, 122, 58)),
    "chilli": Leaf(0.46, 0, 0.0, (58, 126, 52)),
    "citrus": Leaf(0.5, 0, 0.0, (48, 108, 46)),
    "coffee": Leaf(0.44, 12, 0.04, (42, 98, 50)),
    "grape": Leaf(0.92, 7, 0.2, (96, 140, 64)),
    "maize": Leaf(0.24, 0, 0.0, (112, 156, 68)),
    "mango": Leaf(0.3, 0, 0.0, (66, 116, 58)),
    "potato": Leaf(0.68, 9, 0.05, (70, 120, 60)),
    "rice": Leaf(0.15, 0, 0.0, (128, 164, 76)),
    "tea": Leaf(0.48, 26, 0.025, (52, 112, 54)),
    "tomato": Leaf(0.72, 9, 0.22, (74, 130, 62)),
}
DISEASES = {
    "healthy": Spots(0, 0.0, (0, 0, 0)),
    "rust": Spots(60, 5.0, (186, 96, 34), (214, 156, 62)),
    "leaf_spot": Spots(14, 14.0, (98, 66, 40), (202, 184, 92)),
    "blight": Spots(5, 46.0, (92, 70, 48), (140, 118, 70)),
    "powdery_mildew": Spots(22, 22.0, (226, 228, 220)),
    "mosaic": Spots(40, 24.0, (186, 196, 84)),
    "anthracnose": Spots(8, 24.0, (46, 34, 30), (128, 84, 52)),
    "scab": Spots(26, 11.0, (74, 80, 46), (112, 104, 62)),
    "scorch": Spots(10, 34.0, (164, 112, 58)),
}
CLASSES = {
    "apple": ("healthy", "scab", "rust", "powdery_mildew", "blight"),
    "banana": ("healthy", "leaf_spot", "anthracnose", "mosaic", "scorch"),
    "bean": ("healthy", "rust", "mosaic", "leaf_spot", "anthracnose"),
    "cassava": ("healthy", "mosaic", "blight", "leaf_spot", "anthracnose"),
    "chilli": ("healthy", "leaf_spot", "anthracnose", "mosaic", "powdery_mildew"),
    "citrus": ("healthy", "scab", "anthracnose", "leaf_spot", "scorch"),
    "coffee": ("healthy", "rust", "leaf_spot", "scorch"),
    "grape": ("healthy", "powdery_mildew", "blight", "anthracnose", "leaf_spot"),
    "maize": ("healthy", "rust", "blight", "leaf_spot", "mosaic"),
    "mango": ("healthy", "anthracnose", "powdery_mildew", "scab", "scorch"),
    "potato": ("healthy", "blight", "scab", "mosaic", "leaf_spot"),
    "rice": ("healthy", "blight", "leaf_spot", "scorch"),
    "tea": ("healthy", "blight", "leaf_spot", "rust", "anthracnose"),
    "tomato": ("healthy", "blight", "leaf_spot", "mosaic", "powdery_mildew"),
}
ALL_CLASSES = [(plant, disease) for plant, diseases in CLASSES.items() for disease in diseases]
GROUNDS: tuple[Colour, ...] = ((206, 198, 184), (168, 174, 180), (124, 108, 90), (226, 226, 222), (96, 104, 96))


def pictures(seed: int) -> Iterator[ImageMessage]:
    """Yield image files of all classes in turn, each set of 68 in another order."""
    rng = random.Random(f"{seed}/images")
    noise = Image.frombytes("L", (DRAWN, DRAWN), rng.randbytes(DRAWN * DRAWN)).filter(ImageFilter.BoxBlur(GRAIN_PIXELS))
    grain = Image.merge("RGB", [noise] * 3)
    numbers = itertools.count(1)
    while True:
        for plant, disease in rng.sample(ALL_CLASSES, len(ALL_CLASSES)):
            picture = draw_leaf(rng, LEAVES[plant], DISEASES[disease], grain)
            extension, data = encode(rng, spoil(rng, picture))
            image = ImageMessage(f"{plant}_{disease}_{next(numbers):06}.{extension}", plant, disease, data)
            yield image
            if rng.random() < DUPLICATE_SHARE:
                yield image


def draw_leaf(rng: random.Random, leaf: Leaf, spots: Spots, grain: Image.Image) -> Image.Image:
    """Return the picture of one leaf: its blade with veins, and the spots of its disease, on some ground."""
    ground = shade(rng.choice(GROUNDS), rng.uniform(0.85, 1.1))
    green = shade(leaf.green, rng.uniform(0.85, 1.25))
    turn = Turn(rng.uniform(-0.6, 0.6), rng.uniform(0.38, 0.44) * DRAWN)
    edge = [turn.at(x, y) for x, y in outline(leaf)]
    blade = Image.new("RGB", (DRAWN, DRAWN), green)
    draw = ImageDraw.Draw(blade)
    draw_veins(draw, leaf, shade(green, 1.3), turn)
    draw_spots(rng, draw, leaf, spots, turn)
    shape = Image.new("L", (DRAWN, DRAWN))
    ImageDraw.Draw(shape).polygon(edge, 255)
    mask = shape.reduce(2)
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    picture.paste(shade(ground, 0.72), SHADOW, mask)
    stalk = [(x / 2, y / 2) for x, y in (turn.at(0, 0.9), turn.at(0.04, 1.2))]
    ImageDraw.Draw(picture).line(stalk, shade(green, 0.8), 4)
    picture.paste(blade.reduce(2), mask=mask)
    left, top = rng.randrange(SIDE), rng.randrange(SIDE)
    return ImageChops.overlay(picture, grain.crop((left, top, left + SIDE, top + SIDE)))


class Turn:
    """Places points of a leaf (across -1 to 1, along -1 for its tip to 1 for its stalk) on the picture, turned."""

    def __init__(self, angle: float, length: float) -> None:
        self._cosine, self._sine, self._length = math.cos(angle), math.sin(angle), length

    def at(self, x: float, y: float) -> Point:
        x, y = x * self._length, y * self._length
        return DRAWN / 2 + x * self._cosine - y * self._sine, DRAWN / 2 + x * self._sine + y * self._cosine


def outline(leaf: Leaf) -> list[Point]:
    """Return the edge of a leaf, from its tip along one side to its stalk and back."""
    side = []
    for step in range(STEPS + 1):
        along = step / STEPS
        # A lens, fuller towards the stalk.
        half = leaf.width * math.sin(math.pi * along**0.8) ** 0.85
        tooth = 1 - leaf.depth * (0.5 + 0.5 * math.cos(2 * math.pi * leaf.teeth * along / 2)) if leaf.teeth else 1.0
        side.append((half * tooth, 2 * along - 1))
    return side + [(-x, y) for x, y in reversed(side)]


def draw_veins(draw: ImageDraw.ImageDraw, leaf: Leaf, colour: Colour, turn: Turn) -> None:
    draw.line([turn.at(0, -0.95), turn.at(0, 1)], colour, 6)
    for number in range(1, 7):
        begin = 1 - number * 0.28
        half = 0.8 * leaf.width * math.sin(math.pi * max((begin + 1) / 2 - 0.1, 0.02))
        for side in (-half, half):
            draw.line([turn.at(0, begin), turn.at(side, begin - 0.2)], colour, 3)


def draw_spots(rng: random.Random, draw: ImageDraw.ImageDraw, leaf: Leaf, spots: Spots, turn: Turn) -> None:
    for _ in range(spots.number):
        along = rng.uniform(0.12, 0.92)
        half = leaf.width * math.sin(math.pi * along**0.8) * 0.72
        x, y = turn.at(rng.uniform(-half, half), 2 * along - 1)
        across = min(spots.radius * rng.uniform(0.5, 1.4), half * DRAWN * 0.3 + 3)
        down = across * rng.uniform(0.7, 1.4)
        if spots.rim:
            draw.ellipse((x - across - 4, y - down - 4, x + across + 4, y + down + 4), spots.rim)
        draw.ellipse((x - across, y - down, x + across, y + down), shade(spots.colour, rng.uniform(0.85, 1.15)))


def shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(int(part * factor), 255) for part in colour)
    return red, green, blue


def spoil(rng: random.Random, picture: Image.Image) -> Image.Image:
    chance = rng.random()
    if chance < BLURRED_SHARE:
        return picture.filter(ImageFilter.GaussianBlur(rng.uniform(5, 8)))
    if chance < BLURRED_SHARE + DARK_SHARE:
        return ImageEnhance.Brightness(picture).enhance(rng.uniform(0.08, 0.2))
    return picture


def encode(rng: random.Random, picture: Image.Image) -> tuple[str, bytes]:
    """Return an extension and a file: as a rule JPEG, at times cut short, at times not what the extension says."""
    extension = rng.choices(("jpg", "png", "webp"), (1 - PNG_SHARE - WEBP_SHARE, PNG_SHARE, WEBP_SHARE))[0]
    file = io.BytesIO()
    picture.save(file, **SAVING[extension], quality=rng.choice(QUALITIES))
    data = file.getvalue()
    if rng.random() < TRUNCATED_SHARE:
        data = data[: rng.randrange(len(data) // 10, len(data) * 9 // 10)]
    if rng.random() < MISLABELLED_SHARE:
        extension = rng.choice([wrong for wrong in ("jpg", "png", "webp", "gif") if wrong != extension])
    return extension, data
