import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from arus import image_counts
from arus.image_counts import GROUP, ImageCounts

JOB = "image_analytics"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARUS_HOME", str(tmp_path))
    return tmp_path


def images(*groups: tuple[str | None, ...]) -> pa.Table:
    columns = {name: pa.array([group[at] for group in groups], pa.string()) for at, name in enumerate(GROUP)}
    return pa.table({**columns, "flags": pa.array([["dark"]] * len(groups), pa.list_(pa.string()))})


RUST, SCAB, NAMELESS = ("apple", "rust", "JPEG"), ("apple", "scab", "PNG"), (None, None, "JPEG")


def test_what_the_table_holds_and_what_comes_is_counted_together() -> None:
    counts = ImageCounts(JOB, ds.dataset(images(RUST, RUST, SCAB)))
    assert image_counts.read(JOB) == {RUST: 2, SCAB: 1}
    counts.add(images(SCAB, NAMELESS))
    counts.add(images())
    assert image_counts.read(JOB) == {RUST: 2, SCAB: 2, ("", "", "JPEG"): 1}


def test_the_counts_begin_with_the_table_whatever_the_file_says(home: Path) -> None:
    ImageCounts(JOB, ds.dataset(images(RUST, SCAB)))
    ImageCounts(JOB, ds.dataset(images(RUST)))
    assert image_counts.read(JOB) == {RUST: 1}
    assert json.loads((home / "run" / f"{JOB}.counts.json").read_text())["updated"].endswith("+00:00")


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"counts": [{}]}', '{"counts": 7}'])
def test_a_file_that_is_missing_or_damaged_counts_nothing(text: str | None) -> None:
    path = image_counts.path_of(JOB)
    if text is not None:
        path.write_text(text)
    assert image_counts.read(JOB) == Counter()


def test_a_line_tells_formats_plants_and_how_uneven_the_classes_are() -> None:
    counts = Counter({RUST: 1200, ("apple", "rust", "PNG"): 34, ("tea", "bli\x1bght", "JPEG"): 5})
    assert image_counts.line_of(counts) == (
        "images: 1,239 (JPEG 1,205, PNG 34) of 2 plants in 2 classes, from tea/bli\\x1bght 5 to apple/rust 1,234"
    )
