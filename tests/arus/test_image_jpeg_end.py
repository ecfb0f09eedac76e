import itertools
import random
from pathlib import Path

import pytest
from PIL import Image

from arus.image_dataset import check
from arus.image_files import ANALYSED, Limits, decode, open_image
from arus.image_headers import RejectedImage
from arus.image_measures import analyse
from arus.resizing import Target, resize
from server.receiving import Examined, Received, examine
from tests.arus.image_samples import exif, jpeg, jpeg_segment, opened, picture, saved, with_segments

CUTS = (1, 2, 3, 4, 5, 6, 9, 13, 20, 60, 200)
COLOURS = ("RGB", "L", "CMYK", "flat")
RESTARTS: tuple[dict[str, int], ...] = ({}, {"restart_marker_blocks": 1}, {"restart_marker_rows": 1})
SETTINGS = [
    {"quality": quality, "progressive": progressive, "optimize": optimize} | restarts
    for quality, progressive, optimize, restarts in itertools.product(
        (15, 75, 100), (False, True), (False, True), RESTARTS
    )
]


def grainy(colours: str) -> Image.Image:
    """Return a picture of detail, of an odd size, or of one colour."""
    if colours == "flat":
        return Image.new("RGB", (37, 27), (90, 140, 20))
    image = Image.frombytes("RGB", (37, 27), random.Random(3).randbytes(37 * 27 * 3))
    return Image.blend(image, picture(37).crop((0, 0, 37, 27)), 0.6).convert(colours)


def outcome(data: bytes) -> bytes | str:
    """Return the pixels, or why there are none."""
    try:
        return decode(open_image(data)).tobytes()
    except RejectedImage as rejected:
        return rejected.reason


@pytest.mark.parametrize("colours", COLOURS)
def test_a_jpeg_file_without_its_end_is_an_image_only_with_every_pixel(colours: str) -> None:
    for settings in SETTINGS:
        data = saved(grainy(colours), "JPEG", **settings)
        whole = opened(data).tobytes()
        outcomes = [outcome(data[:-cut]) for cut in CUTS]
        assert outcomes[:2] == [whole, whole], settings
        assert set(outcomes) <= {whole, "truncated"}, settings


@pytest.mark.parametrize("cut", [3, 5, 10, 100, 1000])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_file_that_lacks_pixels_is_truncated(cut: int, options: dict[str, bool]) -> None:
    assert outcome(saved(grainy("RGB").resize((96, 96)), "JPEG", **options)[:-cut]) == "truncated"


def test_a_progressive_file_that_ends_between_two_scans_is_truncated() -> None:
    data = saved(grainy("RGB"), "JPEG", progressive=True)
    tables = [at for at in range(len(data)) if data.startswith(b"\xff\xc4", at)]
    assert len(tables) > 5
    assert {outcome(data[:at]) for at in tables[2:]} == {"truncated"}


@pytest.mark.parametrize("behind", [bytes(5000), b"<html>Gateway Timeout</html>\n" * 300])
def test_what_fills_a_cut_file_up_is_no_picture(behind: bytes) -> None:
    data = saved(grainy("RGB"), "JPEG", progressive=True)
    assert outcome(data[: len(data) - 150] + behind) == "truncated"


def test_what_stands_behind_the_end_marker_is_no_fault() -> None:
    assert "no-end-marker" not in analyse(jpeg() + b"\r\n", "a.jpg").flags
    assert outcome(jpeg() + b"\r\n") == opened(jpeg()).tobytes()


def test_a_file_without_its_end_is_flagged_and_measured_like_the_whole() -> None:
    data = with_segments(jpeg(300), jpeg_segment(0xE1, exif(6)))
    whole, cut = analyse(data, "a.jpg"), analyse(data[:-2], "a.jpg")
    assert cut.flags == [*whole.flags, "no-end-marker"]
    assert (cut.phash, cut.thumbnail, cut.orientation) == (whole.phash, whole.thumbnail, 6)
    assert (cut.byte_count, cut.sha256 == whole.sha256) == (len(data) - 2, False)


@pytest.mark.parametrize("width", [8, 40, 300])
def test_a_file_without_its_end_is_resized_and_audited_like_the_whole(width: int) -> None:
    data, target = jpeg(300), Target(width, width)
    assert resize(data[:-2], target) == resize(data, target)
    assert check(data[:-2], ANALYSED) == check(data, ANALYSED)
    with pytest.raises(RejectedImage, match="truncated"):
        resize(data[:-100], target)


def test_an_upload_without_its_end_is_no_less_accepted() -> None:
    data = jpeg()[:-2]
    file = Received("a.jpg", "file", Path("unused"), bytes=len(data), start=data, content=data)
    assert examine(file) == Examined("JPEG", 96, 96)


def test_the_limits_hold_before_a_file_without_its_end_is_looked_at() -> None:
    with pytest.raises(RejectedImage, match="too-many-pixels"):
        open_image(jpeg(100)[:-2], Limits(max_pixels=99))
