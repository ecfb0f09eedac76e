"""The image notebook: its figures against plain Python, its pictures' words, and itself, run as a reader would."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from deltalake import DeltaTable
from matplotlib.patches import Rectangle

from arus.errors import ArusError
from arus.image_flags import DEFAULT
from notebooks.images import data, plots, tables
from notebooks.shown import NO_IMAGES, Shown
from tests.arus.delta_tables import Row, append
from tests.notebooks import images_sample as sample
from tests.notebooks.running import drawn, run


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """A home with a sample of images in it, which no test changes, and the rows of its table."""
    folder = tmp_path_factory.mktemp("filled") / "a home"
    folder.mkdir()
    return folder, sample.fill(folder, sample.messages())["images"]


@pytest.fixture
def rows(filled: tuple[Path, list[Row]], monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    monkeypatch.setenv("ARUS_HOME", str(filled[0]))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    return filled[1]


def test_classes_are_counted(rows: list[Row]) -> None:
    found = data.balance(data.open_images())
    expected = Counter((row["plant"], row["disease"]) for row in rows)
    counted = {
        (found.plants[plant], found.diseases[disease]): int(number)
        for (plant, disease), number in np.ndenumerate(found.counts)
        if number
    }
    assert counted == expected
    assert (found.plants, found.diseases) == tuple(sorted({label[at] for label in expected}) for at in (0, 1))


def test_tables_in_words(rows: list[Row]) -> None:
    images = data.open_images()
    flags = Counter(flag for row in rows for flag in row["flags"])
    assert (flags["exact-duplicate"], flags["near-duplicate"], len(rows)) == (1, 1, 28)
    assert tables.flagged(images).rows == [
        ("blurry", "5", "17.9%"),
        *((flag, "1", "3.6%") for flag in sorted(set(flags) - {"blurry"})),
    ]
    assert tables.by_format(images).rows == [
        ("JPEG", "24", "85.7%", "1"),
        ("PNG", "2", "7.1%", "0"),
        ("WEBP", "2", "7.1%", "0"),
    ]
    assert tables.common_sizes(images, 2) == (
        "Sizes in pixels: 5, the 2 most frequent",
        ("size", "images", "share"),
        [("256 x 256", "24", "85.7%"), ("90 x 90", "1", "3.6%")],
        1,
    )
    assert tables.rejected(images).caption == "Rejected: 3 of 31 messages"
    assert tables.rejected(images).rows == [("empty", "1"), ("not-an-image", "1"), ("truncated", "1")]
    assert tables.rarest(images, 1).caption == "21 classes of 1 to 8 images, 8.0 times as many. The smallest:"
    assert tables.rarest(images, 21).rows[-1] == ("tea $x$", "", "8")
    middle = f"{np.percentile([row['sharpness'] for row in rows], 50):.2f}"
    assert [row[2] for row in tables.measures(images).rows if row[0] == "sharpness"] == [middle]


def test_the_worst_come_first_with_their_thumbnails(rows: list[Row]) -> None:
    images = data.open_images()
    for column, worst in (("lightest", "dark.jpg"), ("sharpness", "blurred.jpg")):
        found = data.lowest(images, column, 5)
        assert found[0]["filename"] == worst
        assert [row[column] for row in found] == sorted(row[column] for row in rows)[:5]
        thumbnails = {(row["filename"], row["offset"]): row["thumbnail"] for row in rows}
        assert [row["thumbnail"] for row in found] == [thumbnails[row["filename"], row["offset"]] for row in found]


@pytest.mark.parametrize(("flag", "name"), [("exact-duplicate", "again.jpg"), ("near-duplicate", "alike.jpg")])
def test_a_duplicate_is_shown_beside_the_first(rows: list[Row], flag: str, name: str) -> None:
    (pair,) = data.pairs(data.open_images(), flag, 4)
    first = next(row for row in rows if row["filename"].endswith(".jpg") and row["plant"] != "tea $x$")
    assert (pair.flag, pair.first and pair.first["filename"], pair.repeat["filename"]) == (
        flag,
        first["filename"],
        name,
    )
    words = [text.get_text() for text in drawn(plots.duplicates(data.open_images(), flag)).texts]
    assert words[0] == f"{flag}: 1, the latest"
    assert {"first", "repeats it"} < set(words)


def test_of_a_duplicate_whose_first_is_gone_only_itself_is_shown(home: Path, rows: list[Row]) -> None:
    repeat = next(row for row in rows if "exact-duplicate" in row["flags"])
    append(home, "images", [repeat])
    (pair,) = data.pairs(opened_in(home), "exact-duplicate", 4)
    assert (pair.first, pair.repeat["filename"]) == (None, "again.jpg")
    figure = drawn(plots.duplicates(opened_in(home), "exact-duplicate"))
    assert "not in the table" in [text.get_text() for text in figure.texts]


def opened_in(home: Path) -> data.Images:
    table = DeltaTable(str(home / "tables" / "images")).to_pyarrow_dataset()
    return data.Images(table, None, table.to_table(data.READ))


def test_names_are_drawn_as_they_are(rows: list[Row]) -> None:
    images = data.open_images()
    assert len(rows) == len(images.rows)
    labels = drawn(plots.class_balance(images)).axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == data.balance(images).plants
    assert {(label.get_text() in data.balance(images).plants, label.get_parse_math()) for label in labels} == {
        (True, False)
    }
    page = tables.rarest(images, 100)._repr_html_()
    assert "tea $x$" in page
    words = [text.get_text() for text in drawn(plots.darkest(images, 50)).texts]
    assert "$a_1$ <b>x</b> □□.jpg" in words


@pytest.mark.parametrize("is_there", [False, True])
def test_without_images_a_sentence_is_in_each_picture_s_place(home: Path, is_there: bool) -> None:
    if is_there:
        append(home, "images", [])
    images = data.open_images()
    pictures = (plots.class_balance, plots.sizes, plots.qualities, plots.darkest, plots.blurriest)
    words = (tables.rarest, tables.common_sizes, tables.measures, tables.flagged, tables.by_format)
    assert {make(images) for make in (*pictures, *words)} == {NO_IMAGES}
    assert plots.duplicates(images, "exact-duplicate") == NO_IMAGES


def test_each_quality_is_drawn_with_the_number_of_its_flag(rows: list[Row]) -> None:
    axes = drawn(plots.qualities(data.open_images())).axes
    flags = Counter(flag for row in rows for flag in row["flags"])
    names = ("dark", "light", "blurry", "low-information", "grayscale", "odd-aspect")
    assert [axis.get_title(loc="left") for axis in axes] == [f"{name}: {flags[name]}" for name in names]
    bars = [[patch for patch in axis.patches if isinstance(patch, Rectangle)] for axis in axes]
    assert [sum(bar.get_height() for bar in those) for those in bars] == [len(rows)] * 6
    assert list(np.asarray(axes[2].lines[0].get_xdata())) == [DEFAULT.blurry] * 2


def test_a_table_of_one_image(home: Path, rows: list[Row]) -> None:
    append(home, "images", rows[:1])
    images = opened_in(home)
    for figure in (plots.class_balance(images), plots.sizes(images), plots.qualities(images), plots.blurriest(images)):
        drawn(figure)
    no_pair = Shown("No image is flagged exact-duplicate.")
    assert plots.duplicates(images, "exact-duplicate") == no_pair
    assert tables.rejected(images) == ("Nothing was rejected.", (), (), 1)


def test_a_broken_table_is_one_line(home: Path) -> None:
    (home / "tables" / "images" / "_delta_log").mkdir(parents=True)
    (home / "tables" / "images" / "_delta_log" / "00000000000000000000.json").write_text("{")
    with pytest.raises(ArusError, match="images is not a readable Delta table: "):
        data.open_images()


def test_the_notebook_shows_a_home_with_images(filled: tuple[Path, list[Row]], rows: list[Row]) -> None:
    printed, page, pictures, bare = run("images")
    assert printed == f"Looking at {len(rows)} images, of the table {filled[0]}/tables/images.\n"
    assert bare == []
    assert pictures == 7
    assert "Rejected: 3 of 31 messages" in page
    assert "<script" not in page


def test_without_a_table_the_notebook_says_how_to_get_one(home: Path) -> None:
    printed, page, pictures, bare = run("images")
    missing, get = f"{home}/tables/images", 'make demo ARGS="--with images"'
    assert printed == f"No images yet in {missing}: say `{get}`, then run this notebook again.\n"
    assert bare == []
    assert pictures == 0
    assert "Traceback" not in page
    assert list(home.iterdir()) == []
