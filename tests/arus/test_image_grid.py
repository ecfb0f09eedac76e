"""Pictures side by side, with their lines, as a file."""

import io
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from arus import image_grid
from arus.errors import ArusError
from arus.image_grid import Picture, grid
from tests.arus.image_samples import opened, picture, saved


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_pictures_are_drawn_with_their_lines_as_they_are() -> None:
    shown = [
        Picture(saved(picture(40).resize((40, 20)), "PNG"), ("$a_1$ / b", "葉\n.jpg"), "dark"),
        Picture(b"no image", (f"{'long' * 20}.jpg",)),
        Picture(saved(picture(40, mode="LA"), "PNG"), ()),
    ]
    figure = grid(shown, "$title$")
    figure.savefig(io.BytesIO())
    assert texts(figure) == [
        "$title$",
        "$a_1$ / b",
        "□□.jpg",
        "dark",
        "longlonglonglonglon…nglong.jpg",
    ]
    assert [text.get_parse_math() for text in figure.texts] == [False] * 5
    assert [[text.get_text() for text in axis.texts] for axis in figure.axes] == [[], ["not-an-image"], []]
    assert tuple(figure.axes[0].images[0].get_extent()) == (0, 1, 0.25, 0.75)


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (3, 3), (12, 4), (30, 6), (100, 10)])
def test_a_grid_is_as_wide_as_its_pictures_need(count: int, columns: int) -> None:
    figure = grid([Picture(b"", ("a",))] * count, "")
    lefts = {round(axis.get_position().x0, 6) for axis in figure.axes}
    lowest = min(axis.get_position().y0 for axis in figure.axes)
    assert (len(figure.axes), len(lefts)) == (count, columns)
    assert lowest * figure.get_figheight() > image_grid.LINE_INCHES
    assert max(axis.get_position().x1 for axis in figure.axes) < 1


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArusError, match=r"file/a\.png cannot be written: .*; --png takes another file"):
        image_grid.write(Figure(), tmp_path / "file" / "a.png")


def test_a_grid_keeps_colours(tmp_path: Path) -> None:
    path = tmp_path / "a" / "grid.png"
    image_grid.write(grid([Picture(saved(Image.new("RGB", (9, 9), (200, 30, 60)), "PNG"), ("red",))], "t"), path)
    made = opened(path.read_bytes()).convert("RGB")
    assert made.getpixel((made.width // 2, made.height // 2)) == (200, 30, 60)
    assert [each.name for each in path.parent.iterdir()] == ["grid.png"]
