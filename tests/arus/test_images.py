"""`python -m arus images dataset`: what it says of a folder, and which examples it shows."""

import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib import pyplot
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from arus import __main__ as verbs
from arus import image_dataset, image_grid, images
from arus.errors import ArusError
from arus.image_files import ANALYSED
from arus.image_grid import Picture
from arus.image_measures import analyse
from arus.image_worker import ImageWorker
from arus.resizing import resize
from tests.arus.image_samples import animated, jpeg, opened, picture, saved

PNG = saved(picture(60), "PNG")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, with a space in its path."""
    folder = tmp_path / "arus home"
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    return folder


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def said(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert images.main(argv) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return str(out)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 200), (200, 7), (8, 8)])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_the_smallest_images_are_whole_too(size: tuple[int, int], image_format: str) -> None:
    data = saved(picture().resize(size), image_format)
    assert image_dataset.check(data, ANALYSED) == image_dataset.Checked(image_format, *size)
    assert analyse(data).width == size[0]
    assert resize(data).width == 300


def test_a_folder_is_told_by_format_and_class_with_what_is_broken_and_why(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = "/".join(["d"] * 300)
    cut = jpeg(96, 5)[:-200]
    files = {
        "train/tea/rust/a.jpg": jpeg(96, 1),
        f"train/tea/rust/{deep}/my leaf%20?&.JPG": jpeg(60, 2),
        "train/tea/rust/new\nline.jpg": jpeg(96, 3),
        "train/tea/blight/dåün 葉.webp": PNG,
        "train/tea/blight/no extension": PNG,
        "train/rice___scab/cut.jpg": cut,
        "train/rice___scab/em\x1bpty.jpg": b"",
        "train/loop.gif": animated("GIF"),
        "train/old.tif": b"II*\0" + bytes(100),
        "train/notes.txt": b"x",
        "train/.hidden.jpg": jpeg(),
        "test/tea/rust/z.jpg": jpeg(),
    }
    tea = len(jpeg(96, 1)) + len(jpeg(60, 2)) + len(jpeg(96, 3))
    gif = len(animated("GIF"))
    whole = tea + 2 * len(PNG) + len(cut) + gif + 104
    expected = f"""\
format  images  mean size  mean bytes  broken  wrong extension
JPEG         4      84x84{(tea + len(cut)) / 4:>12,.0f}       1                0
PNG          2      60x60{len(PNG):>12,}       0                1
(none)       1          -           0       1                0
GIF          1          -{gif:>12,}       1                0
TIFF         1          -         104       1                0

plant  disease  images  mean size  mean bytes
-      -             2          -{(gif + 104) / 2:>12,.0f}
rice   scab          2          -{len(cut) / 2:>12,.0f}
tea    blight        2      60x60{len(PNG):>12,}
tea    rust          3      84x84{tea / 3:>12,.0f}

9 images in 4 classes, mean size 74x74, {whole / 9:,.0f} bytes; 1 other file

4 broken (1 animated, 1 unsupported-format:TIFF, 1 truncated, 1 empty):
file                      reason
loop.gif                  animated
old.tif                   unsupported-format:TIFF
rice___scab/cut.jpg       truncated
rice___scab/em%1Bpty.jpg  empty

made {home}/images-dataset.png
"""
    assert said(["dataset", str(put(tmp_path / "set", files)), "--seed", "1"], capsys) == expected
    assert opened((home / "images-dataset.png").read_bytes()).format == "PNG"
    assert [path.name for path in home.iterdir()] == ["images-dataset.png"]


def test_examples_are_whole_images_in_the_order_of_their_classes(tmp_path: Path) -> None:
    files = {f"{plant}/rust/{number}.jpg": jpeg(20, number) for plant in ("tea", "rice") for number in range(6)}
    folder = put(
        tmp_path, {**files, "rice/rust/cut.jpg": jpeg()[:300], "tea/rust/large.png": saved(picture(900), "PNG")}
    )
    found = image_dataset.audit(folder, 50, seed=1)
    shown = image_dataset.pictures(found.examples)
    size = len(jpeg(20, 0)) / 1000
    assert len(shown) == 13
    assert shown[0].lines == ("rice / rust", "0.jpg", f"JPEG 20x20, {size:.1f} kB")
    assert [each.lines[1] for each in shown[6:]] == [*(f"{number}.jpg" for number in range(6)), "large.png"]
    assert [opened(each.data).size for each in shown] == [(20, 20)] * 12 + [(320, 320)]
    assert opened(shown[1].data).convert("RGB").tobytes() == opened(jpeg(20, 1)).convert("RGB").tobytes()


def test_every_image_is_as_likely_to_be_an_example_and_a_seed_draws_the_same_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path, {f"{number}.jpg": b"" for number in range(10)})
    whole = image_dataset.Checked("JPEG", 8, 8)
    monkeypatch.setattr(image_dataset, "look", lambda *_: image_dataset.Looked(0, "JPEG", whole))
    drawn = [[each.name for each in image_dataset.audit(folder, 3, seed).examples] for seed in range(2000)]
    times = Counter(name for names in drawn for name in names)
    assert set(map(len, drawn)) == {3}
    assert drawn == [sorted(names) for names in drawn]
    # 600 each, give or take five standard deviations.
    assert (min(times.values()) > 500, max(times.values()) < 700, len(times)) == (True, True, 10)
    assert drawn[:3] == [[each.name for each in image_dataset.audit(folder, 3, seed).examples] for seed in range(3)]


def test_a_file_that_cannot_be_read_or_is_too_large_is_broken(tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.write(jpeg())
        file.truncate(30_000_000)
    with ImageWorker() as worker:
        gone, too_large = (image_dataset.look(str(path), worker) for path in (tmp_path / "gone.jpg", large))
    assert gone == image_dataset.Looked(0, "(none)", reason="unreadable: No such file or directory")
    assert too_large == image_dataset.Looked(20_000_001, "JPEG", reason="too-many-bytes")


def test_of_many_broken_files_the_first_are_named(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = put(tmp_path / "set", {f"{number:02}.jpg": b"" for number in range(25)})
    out = said(["dataset", str(folder)], capsys)
    assert "\n25 broken (25 empty), the first 20:\nfile    reason\n00.jpg  empty\n" in out
    assert out.endswith("\n19.jpg  empty\n")
    assert not home.exists()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (None, "no such folder: {}; give the one that has train/ in it"),
        ({"a.txt": b"x"}, "{} has no images: give the one that has train/ in it"),
    ],
)
def test_a_folder_without_images_is_one_line(
    files: dict[str, bytes] | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = put(tmp_path / "set", files or {})
    assert verbs.main(["images", "dataset", str(folder)]) == 1
    assert capsys.readouterr() == ("", f"arus images: {said.format(folder)}\n")


@pytest.mark.parametrize("argv", [["--count", "0"], ["--count", "101"], ["--count", "x"], ["--png", "a", "--window"]])
def test_a_wrong_option_is_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        images.main(["consumed", *argv])
    assert argv[0] in capsys.readouterr().err


def test_without_a_display_a_window_is_refused_in_one_line() -> None:
    pyplot.switch_backend("agg")
    with pytest.raises(ArusError, match="no window can be opened here: leave out --window, and a PNG file is written"):
        image_grid.open_window([Picture(jpeg(), ())], "")
    pyplot.close("all")


def test_a_window_shows_the_pictures_and_no_file_is_written(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[int] = []

    class Manager(FigureManagerBase):
        @classmethod
        def pyplot_show(cls, *, block: bool | None = None) -> None:  # noqa: ARG003
            shown.extend(len(pyplot.figure(number).axes) for number in pyplot.get_fignums())

    class FigureCanvas(FigureCanvasAgg):
        required_interactive_framework = "headless"
        manager_class = Manager

    module = ModuleType("screen")
    vars(module).update(FigureCanvas=FigureCanvas, FigureManager=Manager)
    monkeypatch.setitem(sys.modules, "screen", module)
    pyplot.switch_backend("module://screen")
    try:
        said(["dataset", str(put(tmp_path / "set", {"a.jpg": jpeg(), "b.jpg": jpeg()})), "--window"], capsys)
    finally:
        pyplot.close("all")
        pyplot.switch_backend("agg")
    assert shown == [2]
    assert not home.exists()
