import hashlib
import io
import math
import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from arus.image_files import Limits
from arus.image_flags import NO_HASH, are_near_duplicates, bands, flags, has_wrong_extension, hash_distance
from arus.image_headers import RejectedImage
from arus.image_measures import Measures, analyse
from tests.arus.image_samples import exif, opened, picture, saved

FINE = {"lightest": 0.9, "darkest": 0.1, "sharpness": 500.0, "entropy": 7.0, "colourfulness": 40.0}


def noisy(side: int = 256, seed: int = 1) -> Image.Image:
    """Return a picture with detail at every scale."""
    image = picture(side, seed)
    for cells in (16, 64):
        rng = random.Random(seed * 100 + cells)
        detail = Image.frombytes("RGB", (cells, cells), rng.randbytes(3 * cells * cells))
        image = Image.blend(image, detail.resize((side, side), Image.Resampling.BICUBIC), 0.3)
    return image


def measured(image: Image.Image, image_format: str = "PNG", name: str = "", **options: object) -> Measures:
    return analyse(saved(image, image_format, **options), name)


def test_a_file_is_told_by_what_it_says_and_what_it_is() -> None:
    data = saved(noisy().resize((256, 200)), "JPEG", exif=exif(6))
    found = analyse(data, "leaf.jpg")
    assert (found.format, found.width, found.height, found.mode) == ("JPEG", 256, 200, "RGB")
    assert (found.byte_count, found.orientation, found.flags) == (len(data), 6, [])
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert opened(found.thumbnail).size == (100, 128)


def test_one_colour_has_its_brightness_and_nothing_else() -> None:
    found = measured(Image.new("RGB", (200, 200), (51, 51, 51)))
    assert (found.brightness, found.darkest, found.lightest) == (0.2, 0.2, 0.2)
    assert (found.contrast, found.entropy, found.sharpness, found.colourfulness) == (0.0, 0.0, 0.0, 0.0)
    assert found.phash == NO_HASH


def test_two_halves_have_the_contrast_and_entropy_of_a_coin() -> None:
    image = Image.new("L", (200, 200))
    image.paste(255, (0, 0, 100, 200))
    found = measured(image)
    assert (found.brightness, found.contrast, found.entropy) == (0.5, 0.5, 1.0)
    assert (found.darkest, found.lightest, found.mode) == (0.0, 1.0, "L")


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    image = noisy(100).convert("L")
    levels = np.asarray(image, float)
    laplacian = levels[1:-1, :-2] + levels[1:-1, 2:] + levels[:-2, 1:-1] + levels[2:, 1:-1] - 4 * levels[1:-1, 1:-1]
    assert measured(image).sharpness == pytest.approx(laplacian.var(), rel=1e-3)


def test_colourfulness_is_that_of_hasler_and_suesstrunk() -> None:
    image = noisy(100)
    red, green, blue = (band.astype(float) for band in np.moveaxis(np.asarray(image), -1, 0))
    one, other = red - green, (red + green) / 2 - blue
    expected = math.hypot(one.std(), other.std()) + 0.3 * math.hypot(one.mean(), other.mean())
    assert measured(image).colourfulness == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("side", [150, 256, 700, 1500])
def test_the_measures_hardly_depend_on_size_and_format(side: int) -> None:
    image = noisy(1500)
    expected = measured(image)
    for image_format in ("JPEG", "PNG"):
        found = measured(image.resize((side, side), Image.Resampling.LANCZOS), image_format)
        assert found.brightness == pytest.approx(expected.brightness, abs=0.01)
        assert found.contrast == pytest.approx(expected.contrast, abs=0.02)
        assert found.entropy == pytest.approx(expected.entropy, abs=0.3)
        assert found.colourfulness == pytest.approx(expected.colourfulness, rel=0.1)
        assert hash_distance(found.phash, expected.phash) <= 4


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_is_measured(mode: str) -> None:
    image = picture(64).convert("I").convert("I;16") if mode == "I;16" else picture(64, mode=mode)
    assert measured(image).mode == mode


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 500), (500, 1), (3, 3), (113, 4000)])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_every_size_is_measured(size: tuple[int, int], image_format: str) -> None:
    found = measured(picture(64).resize(size), image_format)
    assert (found.width, found.height) == size
    assert max(opened(found.thumbnail).size) <= 128


def test_colours_that_a_jpeg_file_stores_as_they_are_are_measured_alike() -> None:
    image = noisy()
    expected = measured(image, "JPEG", quality=95)
    stored = saved(image, "JPEG", keep_rgb=True, quality=95)
    assert stored.count(b"Adobe") == 1
    # Only Adobe's marker then says that the components are red, green and blue.
    numbered = bytearray(stored)
    for at, step in ((stored.index(b"\xff\xc0") + 10, 3), (stored.index(b"\xff\xda") + 5, 2)):
        assert stored[at : at + 3 * step : step] == b"RGB"
        numbered[at : at + 3 * step : step] = b"\1\2\3"
    for kept in (analyse(stored), analyse(bytes(numbered))):
        assert kept.brightness == pytest.approx(expected.brightness, abs=0.01)
        assert kept.colourfulness == pytest.approx(expected.colourfulness, rel=0.05)


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        (lambda image: ImageEnhance.Brightness(image).enhance(0.15), "dark"),
        (lambda image: image.point(lambda value: 247 + value // 32), "light"),
        (lambda image: image.filter(ImageFilter.GaussianBlur(9)), "blurry"),
        (lambda image: Image.new("RGB", image.size, (90, 140, 20)), "low-information"),
        (lambda image: image.resize((300, 40)), "odd-size"),
        (lambda image: image.resize((300, 110)), "odd-aspect"),
        (lambda image: image.convert("L"), "grayscale"),
        (lambda image: image.convert("L").convert("RGB"), "grayscale"),
    ],
)
def test_what_is_wrong_with_a_picture_is_flagged(change: object, flag: str) -> None:
    assert callable(change)
    assert flag not in measured(noisy()).flags
    assert flag in measured(change(noisy())).flags
    assert flag in measured(change(noisy()), "JPEG").flags


def test_flags_are_rules_of_the_measures() -> None:
    assert flags("a.jpg", "JPEG", (256, 256), FINE) == []
    bad = {"lightest": 0.2, "darkest": 0.96, "sharpness": 1.0, "entropy": 1.0, "colourfulness": 0.5}
    everything = [
        "dark",
        "light",
        "blurry",
        "low-information",
        "odd-size",
        "odd-aspect",
        "grayscale",
        "wrong-extension",
        "no-end-marker",
    ]
    assert flags("a.png", "JPEG", (256, 20), bad, has_end=False) == everything


@pytest.mark.parametrize(
    ("name", "is_wrong"),
    [
        ("leaf.jpg", False), ("leaf.JPEG", False), ("leaf", False), ("", False), ("photo.2024.jpg", False),
        ("a%20b.jpg", False), ("a.jpg?size=9", False), ("a.jpg&x=1", False), (".jpg", False), ("a.", False),
        ("leaf.png", True), ("leaf.jpg.png", True), ("leaf.png.jpg", True), ("leaf.exe", True), ("leaf.jpg.exe", True),
        ("leaf.gif?a.jpg", True),
    ],
)  # fmt: skip
def test_the_extension_is_checked_against_the_content(name: str, is_wrong: bool) -> None:
    assert has_wrong_extension(name, "JPEG") == is_wrong


def test_a_copy_is_near_and_another_picture_is_not() -> None:
    pictures = [noisy(seed=seed) for seed in range(1, 13)]
    hashes = [measured(image).phash for image in pictures]
    for image, its in zip(pictures, hashes, strict=True):
        copies = [
            measured(image, "JPEG", quality=40),
            measured(image.resize((90, 90))),
            measured(ImageEnhance.Brightness(image).enhance(1.1)),
        ]
        assert all(are_near_duplicates(its, copy.phash) for copy in copies)
    distances = [hash_distance(one, other) for one in hashes for other in hashes if one is not other]
    assert min(distances) > 10


def test_a_turned_copy_with_its_orientation_is_near() -> None:
    image = noisy()
    turned = image.transpose(Image.Transpose.ROTATE_90)
    assert are_near_duplicates(measured(image).phash, measured(turned, "JPEG", exif=exif(6)).phash)


def test_distance_counts_the_bits_that_differ() -> None:
    assert hash_distance("0" * 16, "f" * 16) == 64
    assert hash_distance("8000000000000001", "8000000000000000") == 1
    assert not are_near_duplicates("8000000000000001", "800000000000003e")


def test_pictures_of_one_colour_are_no_near_duplicates() -> None:
    assert not are_near_duplicates(NO_HASH, NO_HASH)
    assert bands(NO_HASH) == []


def test_near_duplicates_always_share_a_band() -> None:
    rng = random.Random(3)
    for _ in range(500):
        one = rng.getrandbits(64)
        other = one ^ sum(1 << bit for bit in rng.sample(range(64), 4))
        hashes = f"{one:016x}", f"{other:016x}"
        assert are_near_duplicates(*hashes)
        assert set(bands(hashes[0])) & set(bands(hashes[1]))
    assert len(bands("0123456789abcdef")) == 5


def test_the_same_file_has_the_same_measures() -> None:
    data = saved(noisy(), "JPEG")
    assert analyse(data, "a.jpg") == analyse(data, "a.jpg")
    assert replace(analyse(data, "a.png"), flags=[]) == analyse(data, "a.jpg")


def test_the_limits_hold_for_measuring() -> None:
    file = io.BytesIO()
    noisy().save(file, "PNG")
    with pytest.raises(RejectedImage, match="too-many-pixels"):
        analyse(file.getvalue(), limits=Limits(max_pixels=100))
