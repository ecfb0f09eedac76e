import io
import warnings
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from arus.image_exif import orientation
from arus.image_files import ANALYSED, UPLOADED, Limits, decode, flatten, format_of, open_image, plain
from arus.image_headers import RejectedImage
from arus.image_measures import analyse
from arus.resizing import Target, resize
from tests.arus.image_samples import (
    CANARY,
    animated,
    bombs,
    exif,
    icc_parts,
    jpeg,
    jpeg_segment,
    mutations,
    opened,
    picture,
    polyglots,
    saved,
    with_segments,
)

REASONS = {
    "truncated", "corrupt", "not-an-image", "too-many-pixels", "animated", "too-many-scans", "too-many-parts",
    "oversize-profile", "unsupported-format:GIF", "unsupported-format:BMP",
}  # fmt: skip
RESET_PEAK = Path("/proc/self/clear_refs")
MOST_RISE_KIB = 20 * 1024


def memory_kib(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0])


def reason(data: bytes, limits: Limits = UPLOADED) -> str:
    with pytest.raises(RejectedImage) as rejected:
        decode(open_image(data, limits))
    return rejected.value.reason


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_an_image_is_opened_and_decoded_with_its_pixels(image_format: str) -> None:
    image = picture(50)
    data = saved(image.resize((50, 40)), image_format, **({} if image_format != "WEBP" else {"lossless": True}))
    file = open_image(data)
    assert (file.format, file.size, file.header.orientation, file.header.profile) == (image_format, (50, 40), 1, None)
    assert decode(file).convert("RGB").tobytes() == opened(data).convert("RGB").tobytes()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"not an image at all", "not-an-image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not-an-image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "not-an-image"),
        (b"RIFF\0\0\0\0WAVEfmt ", "not-an-image"),
        (saved(picture(), "TIFF"), "unsupported-format:TIFF"),
        (saved(picture(), "GIF"), "unsupported-format:GIF"),
        (saved(picture(), "ICO"), "unsupported-format:ICO"),
        (saved(picture(), "AVIF"), "unsupported-format:AVIF"),
        (jpeg()[:400], "truncated"),
        (jpeg()[:-200], "truncated"),
        (saved(picture(), "PNG")[:-50], "truncated"),
        (saved(picture(), "WEBP")[:-50], "truncated"),
        (jpeg()[:20], "truncated"),
        (jpeg()[:2] + b"\xff\xd9", "truncated"),
        (saved(picture(), "PNG").replace(b"IDAT", b"IDAU"), "corrupt"),
        (bytes([*saved(picture(), "PNG")[:60], 1, *saved(picture(), "PNG")[61:]]), "corrupt"),
        (animated("GIF"), "unsupported-format:GIF"),
    ],
)
def test_what_is_no_usable_image_has_its_reason(data: bytes, code: str) -> None:
    assert reason(data) == code


def test_the_limits_are_the_callers() -> None:
    data = jpeg(100)
    assert reason(data, Limits(max_pixels=9_999)) == "too-many-pixels"
    assert reason(data, Limits(max_bytes=len(data) - 1)) == "too-many-bytes"
    assert reason(data, Limits(formats=("PNG",))) == "unsupported-format:JPEG"
    assert open_image(data, Limits(max_pixels=10_000, max_bytes=len(data), formats=("JPEG",))).size == (100, 100)


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP"])
def test_more_than_one_frame_is_refused(image_format: str) -> None:
    assert reason(animated(image_format), ANALYSED) == "animated"


@pytest.mark.parametrize("image_format", ["GIF", "BMP"])
def test_a_data_set_may_have_older_formats(image_format: str) -> None:
    file = open_image(saved(picture(), image_format), ANALYSED)
    assert (file.format, plain(decode(file)).mode) == (image_format, "RGB")


def test_the_first_bytes_say_the_format() -> None:
    formats = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "ICO"]
    assert [format_of(saved(picture(), each)) for each in formats] == formats


def test_a_camera_file_with_a_second_picture_behind_is_the_first_one() -> None:
    file = io.BytesIO()
    picture(80).save(file, "MPO", save_all=True, append_images=[picture(40)])
    assert open_image(file.getvalue()).size == (80, 80)


@pytest.mark.parametrize("value", range(1, 9))
def test_the_orientation_is_read_from_every_format(value: int) -> None:
    note = exif(value)
    files = [
        with_segments(jpeg(), jpeg_segment(0xE1, note)),
        saved(picture(), "PNG", exif=note),
        saved(picture(), "WEBP", exif=note),
    ]
    assert [open_image(file).header.orientation for file in files] == [value] * 3


@pytest.mark.parametrize(
    "note", [b"", b"II*\0", exif(9)[6:], exif(0)[6:], exif(3)[6:19], b"II*\0\xff\xff\xff\xff" + bytes(20)]
)
def test_an_orientation_that_makes_no_sense_is_upright(note: bytes) -> None:
    assert orientation(note) == 1


def test_a_profile_in_parts_is_joined_in_their_order() -> None:
    profile = bytes(range(256)) * 400
    data = saved(picture(), "JPEG", icc_profile=profile)
    assert open_image(data).header.profile == profile
    assert open_image(with_segments(jpeg(), *icc_parts(3)[::-1])).header.profile == bytes(180_000)
    assert open_image(with_segments(jpeg(), *icc_parts(3)[1:])).header.profile is None


def test_profiles_are_read_from_png_and_webp() -> None:
    profile = b"profile" * 40
    files = [saved(picture(), each, icc_profile=profile) for each in ("PNG", "WEBP")]
    assert [open_image(file).header.profile for file in files] == [profile, profile]


def test_no_metadata_reaches_the_decoder() -> None:
    note = [jpeg_segment(0xE1, exif(1, CANARY)), jpeg_segment(0xFE, CANARY), jpeg_segment(0xE2, b"MPF\0" + CANARY)]
    assert CANARY not in open_image(with_segments(jpeg(), *note)).header.picture


@pytest.mark.parametrize(
    ("mode", "plainly"),
    [
        ("1", "L"), ("L", "L"), ("LA", "LA"), ("P", "RGB"), ("PA", "RGBA"), ("RGB", "RGB"), ("RGBA", "RGBA"),
        ("CMYK", "RGB"), ("YCbCr", "RGB"), ("LAB", "RGB"), ("HSV", "RGB"), ("I", "L"), ("F", "L"), ("I;16", "L"),
    ],
)  # fmt: skip
def test_every_mode_becomes_one_of_four(mode: str, plainly: str) -> None:
    assert plain(Image.new(mode, (3, 2))).mode == plainly


def test_sixteen_bits_become_eight_and_other_numbers_are_stretched() -> None:
    sixteen, floats = Image.new("I;16", (4, 1)), Image.new("F", (3, 1))
    for x, value in enumerate((0, 255, 32768, 65535)):
        sixteen.putpixel((x, 0), value)
    for x, number in enumerate((-1.0, 0.0, 1.0)):
        floats.putpixel((x, 0), number)
    assert plain(sixteen).tobytes() == bytes([0, 0, 128, 255])
    assert plain(floats).tobytes() == bytes([0, 127, 255])


def test_what_is_transparent_becomes_white() -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    assert flatten(image).tobytes() == bytes([255, 0, 0, 255, 255, 255])
    indexed = Image.new("P", (1, 1))
    indexed.info["transparency"] = 0
    assert flatten(plain(indexed)).tobytes() == bytes([255, 255, 255])


def test_a_wrong_checksum_is_no_picture() -> None:
    data = saved(picture(), "PNG")
    at = data.index(b"IEND") - 8
    assert reason(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) == "corrupt"


@pytest.mark.parametrize(("data", "code"), [pytest.param(data, code, id=name) for name, data, code in bombs()])
def test_a_bomb_is_refused_for_almost_nothing(data: bytes, code: str) -> None:
    if not RESET_PEAK.exists():
        pytest.skip("this system does not tell the peak of memory")
    RESET_PEAK.write_text("5")
    before = memory_kib("VmRSS")
    assert reason(data) == code
    assert memory_kib("VmHWM") - before < MOST_RISE_KIB


def outcome(data: bytes) -> str:
    """Return what becomes of a file in both of its uses: their results, or one reason code."""
    try:
        analyse(data, "x.jpg")
        resize(data)
    except RejectedImage as rejected:
        return rejected.reason
    return "ok"


def check_mutations(count: int, seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcomes = Counter(outcome(data) for data in mutations(count, seed))
    assert sum(outcomes.values()) == count
    assert set(outcomes) <= REASONS | {"ok"}
    assert outcomes["ok"] > count / 20
    assert outcomes["truncated"] + outcomes["corrupt"] > count / 5


def test_two_thousand_mutated_files_are_used_or_refused() -> None:
    check_mutations(2_000, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_thousand_mutated_files_are_used_or_refused(seed: int) -> None:
    check_mutations(10_000, seed + 100)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_nothing_hidden_in_a_polyglot_comes_out(image_format: str) -> None:
    results = []
    for data in polyglots(200):
        results += [analyse(data).thumbnail, resize(data, Target(64, 64, "exact", image_format)).data]
    assert len(results) == 400
    assert [result for result in results if CANARY in result] == []
