import io

import pytest
from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat

from arus.errors import ArusError
from arus.image_headers import RejectedImage
from arus.resizing import FITS, FORMATS, Target, resize, scaled_size
from tests.arus.image_samples import exif, jpeg_segment, opened, picture, saved, with_segments

RED, BLUE, WHITE = (254, 0, 0), (0, 0, 254), (255, 255, 255)


def halves(width: int, height: int) -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), (255, 0, 0))
    image.paste((0, 0, 255), (width // 2, 0, width, height))
    return image


def is_near(one: tuple[int, ...], other: tuple[int, ...], most: int = 6) -> bool:
    return all(abs(a - b) <= most for a, b in zip(one, other, strict=True))


def difference(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


@pytest.mark.parametrize("fit", [fit for fit in FITS if fit != "contain"])
@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (299, 301), (20, 10), (1, 900), (1700, 1)])
def test_the_result_has_exactly_the_size_and_format(size: tuple[int, int], image_format: str, fit: str) -> None:
    made = resize(saved(picture(64).resize(size), "JPEG"), Target(fit=fit, format=image_format))
    result = opened(made.data)
    assert (made.width, made.height, result.size, result.format) == (300, 300, (300, 300), image_format)
    assert (made.source_format, made.source_width, made.source_height) == ("JPEG", *size)


@pytest.mark.parametrize(
    ("fit", "size", "expected"),
    [
        ("cover", (640, 480), ((300, 300), (80.0, 0.0, 560.0, 480.0))),
        ("cover", (480, 640), ((300, 300), (0.0, 80.0, 480.0, 560.0))),
        ("contain", (640, 480), ((300, 225), (0.0, 0.0, 640.0, 480.0))),
        ("contain", (100, 50), ((300, 150), (0.0, 0.0, 100.0, 50.0))),
        ("contain", (9000, 1), ((300, 1), (0.0, 0.0, 9000.0, 1.0))),
        ("pad", (480, 640), ((225, 300), (0.0, 0.0, 480.0, 640.0))),
        ("exact", (640, 480), ((300, 300), (0.0, 0.0, 640.0, 480.0))),
    ],
)
def test_only_exact_distorts(fit: str, size: tuple[int, int], expected: tuple[object, object]) -> None:
    assert scaled_size(size, (300, 300), fit) == expected


def test_what_is_small_enough_can_be_left() -> None:
    made = resize(saved(picture(100), "PNG"), Target(300, 300, "contain", "PNG", enlarge=False))
    assert opened(made.data).tobytes() == picture(100).tobytes()


def test_cover_cuts_both_sides_evenly_and_pad_adds_white() -> None:
    covered = opened(resize(saved(halves(800, 400), "PNG"), Target(100, 100, "cover", "PNG")).data)
    padded = opened(resize(saved(halves(800, 400), "PNG"), Target(100, 100, "pad", "PNG")).data)
    assert [covered.getpixel((x, 50)) for x in (2, 97)] == [(255, 0, 0), (0, 0, 255)]
    assert [padded.getpixel(at) for at in ((50, 10), (50, 90), (2, 50), (97, 50))] == [
        WHITE, WHITE, (255, 0, 0), (0, 0, 255),
    ]  # fmt: skip


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("value", range(1, 9))
def test_the_picture_is_upright_whatever_the_orientation(value: int, fit: str) -> None:
    stored = picture(90, seed=3).resize((640, 400))
    turned = saved(stored, "JPEG", quality=95, exif=exif(value))
    target = Target(120, 90, fit, "PNG")
    made = resize(turned, target)
    seen = ImageOps.exif_transpose(opened(turned))
    assert seen is not None
    expected = resize(saved(seen, "PNG"), target)
    assert (made.source_width, made.source_height) == seen.size
    assert (made.width, made.height) == (expected.width, expected.height)
    assert difference(opened(made.data), opened(expected.data)) < 3


def test_no_more_than_needed_is_decoded_and_it_looks_the_same() -> None:
    large = picture(1600, seed=5)
    fast = opened(resize(saved(large, "JPEG", quality=95)).data)
    assert difference(fast, large.resize((300, 300), Image.Resampling.LANCZOS)) < 2


def test_a_profile_is_turned_into_colours_and_left_out() -> None:
    # In this profile red and green are swapped: what is stored as green is seen as red.
    data = saved(Image.new("RGB", (64, 64), (0, 255, 0)), "PNG", icc_profile=swapped_profile())
    result = opened(resize(data, Target(32, 32, format="PNG")).data)
    assert is_near(result.getpixel((16, 16)), (255, 0, 0), 12)  # type: ignore[arg-type]
    assert "icc_profile" not in result.info


def swapped_profile() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = profile[green : green + 4], profile[red : red + 4]
    while b"sRGB" in profile:
        at = profile.index(b"sRGB")
        profile[at : at + 4] = b"test"
    text = "sRGB".encode("utf-16-be")
    while text in profile:
        at = profile.index(text)
        profile[at : at + 8] = "test".encode("utf-16-be")
    return bytes(profile)


@pytest.mark.parametrize("profile", [b"", b"no profile", bytes(200), swapped_profile()[:300]])
def test_a_broken_profile_leaves_the_colours(profile: bytes) -> None:
    data = saved(Image.new("RGB", (64, 64), (0, 200, 0)), "PNG", icc_profile=profile)
    assert opened(resize(data, Target(32, 32, format="PNG")).data).getpixel((16, 16)) == (0, 200, 0)


def test_a_profile_of_other_pixels_leaves_the_colours() -> None:
    data = saved(Image.new("L", (64, 64), 90), "PNG", icc_profile=swapped_profile())
    assert opened(resize(data, Target(32, 32, format="PNG")).data).getpixel((16, 16)) == 90


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_what_is_transparent_stays_so_where_it_can(image_format: str) -> None:
    image = Image.new("RGBA", (200, 100), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (100, 0, 200, 100))
    result = opened(resize(saved(image, "PNG"), Target(80, 80, "pad", image_format)).data).convert("RGBA")
    assert [result.getchannel("A").getpixel(at) for at in ((10, 40), (70, 40), (40, 5))] == [255, 0, 0]


def test_what_is_transparent_becomes_white_in_a_jpeg_file() -> None:
    image = Image.new("RGBA", (200, 200), (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (100, 0, 200, 200))
    result = opened(resize(saved(image, "PNG"), Target(100, 100)).data)
    assert is_near(result.getpixel((10, 50)), RED)  # type: ignore[arg-type]
    assert is_near(result.getpixel((90, 50)), WHITE)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("image_format", FORMATS)
def test_every_mode_of_png_is_resized(mode: str, image_format: str) -> None:
    image = picture(64).convert("I").convert("I;16") if mode == "I;16" else picture(64, mode=mode)
    assert opened(resize(saved(image, "PNG"), Target(format=image_format)).data).size == (300, 300)


def test_a_cmyk_file_is_resized() -> None:
    data = saved(halves(640, 640).convert("CMYK"), "JPEG", quality=95)
    assert is_near(opened(resize(data).data).getpixel((75, 150)), RED, 12)  # type: ignore[arg-type]


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_same_bytes_give_the_same(image_format: str) -> None:
    data = saved(picture(500), "JPEG")
    assert resize(data, Target(format=image_format)) == resize(data, Target(format=image_format))


@pytest.mark.parametrize("image_format", FORMATS)
def test_metadata_is_left_out(image_format: str) -> None:
    data = with_segments(
        saved(picture(), "JPEG", exif=exif(1, b"secret"), comment=b"secret"), jpeg_segment(0xE1, b"secret")
    )
    for source in (data, saved(picture(), "PNG", exif=exif(1, b"secret")), saved(picture(), "WEBP", xmp=b"secret")):
        result = resize(source, Target(format=image_format)).data
        image = Image.open(io.BytesIO(result))
        assert b"secret" not in result
        assert not {"exif", "comment", "xmp", "icc_profile"} & set(image.info)


def test_a_lower_quality_is_a_smaller_file() -> None:
    data = saved(picture(500), "JPEG")
    assert len(resize(data, Target(quality=20)).data) < len(resize(data, Target(quality=95)).data)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(RejectedImage, match="not-an-image"):
        resize(b"text")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"width": 0}, "size 0x300: each side takes 1 to 10000 pixels"),
        ({"height": 10_001}, "size 300x10001: each side takes 1 to 10000 pixels"),
        ({"fit": "fill"}, "fit 'fill': choose one of cover, contain, pad, exact"),
        ({"format": "GIF"}, "format 'GIF': choose one of JPEG, PNG, WEBP"),
        ({"quality": 101}, "quality 101: takes 1 to 100"),
    ],
)
def test_a_target_that_cannot_be_is_named(wrong: dict[str, int], said: str) -> None:
    with pytest.raises(ArusError) as error:
        Target(**wrong)  # type: ignore[arg-type]
    assert str(error.value) == said
