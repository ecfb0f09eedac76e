import base64
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from arus import schemas
from arus.image_duplicates import Repeat, Seen
from arus.image_tasks import MEASURED, measured, measured_before
from arus.streaming.spark_internals import arrow_schema
from arus.streaming.task_rows import REJECTS
from jobs.image_analytics import marked
from tests.jobs.image_records import AT, picture, record, records

JPEG, PNG = picture(), picture("PNG", (64, 80))


@pytest.fixture(scope="module")
def schema(spark: SparkSession) -> pa.Schema:  # noqa: ARG001  (Spark reads the DDL)
    return arrow_schema(schemas.TABLES["images"])


def test_an_image_is_measured_whatever_form_it_was_sent_in(schema: pa.Schema, tmp_path: Path) -> None:
    said = {"filename": "daun 1.jpg", "plant": "tomato", "disease": "blight"}
    text = base64.b64encode(JPEG)
    as_json = json.dumps({**said, "image": text.decode()}).encode()
    (tmp_path / hashlib.sha256(JPEG).hexdigest()).write_bytes(JPEG)
    rows = records(
        record(0, b"daun 1.jpg", JPEG, **said),
        record(1, b"daun 1.jpg", text, **said),
        record(2, b"daun 1.jpg", as_json),
        record(3, b"daun 1.jpg", b"", **said, file=hashlib.sha256(JPEG).hexdigest()),
    )
    found = measured(rows, tmp_path, schema)
    assert (found[MEASURED].num_rows, found[REJECTS].num_rows) == (4, 0)
    expected = {"format": "JPEG", "width": 120, "height": 90, "bytes": len(JPEG), "mode": "RGB", "flags": []} | said
    expected |= {"sha256": hashlib.sha256(JPEG).hexdigest(), "topic": "a-topic"}
    for row in found[MEASURED].to_pylist():
        assert {name: row[name] for name in expected} == expected
        assert row["thumbnail"].startswith(b"\xff\xd8\xff")
        assert row["event_time"] == AT


def test_what_is_no_image_is_kept_whole_with_the_reason(schema: pa.Schema, tmp_path: Path) -> None:
    broken = {
        0: (b"k", None, "null-value"),
        1: (b"k", b"", "empty"),
        2: (b"k", b"no image at all", "not-an-image"),
        3: (b"k", JPEG[: len(JPEG) // 2], "truncated"),
        4: (b"k", b'{"plant": "tomato"}', "missing-field:image"),
    }
    rows = records(*(record(offset, key, value, plant="p") for offset, (key, value, _) in broken.items()))
    rejects = measured(rows, tmp_path, schema)[REJECTS].to_pylist()
    assert [(row["key"], row["value"], row["reason"]) for row in rejects] == list(broken.values())
    assert [row["headers"] for row in rejects] == [[{"key": "plant", "value": b"p"}]] * len(broken)
    assert measured(rows, tmp_path, schema)[MEASURED].num_rows == 0


def test_a_repeated_image_says_of_which_and_how(schema: pa.Schema, tmp_path: Path) -> None:
    rows = records(record(0, b"a.jpg", JPEG), record(1, b"b.jpg", JPEG), record(2, b"c.png", PNG))
    repeat = Repeat(Seen("a-topic", 0, 1, "", ""), "exact-duplicate", "a-topic-0-0")
    table = marked(measured(rows, tmp_path, schema)[MEASURED], [repeat])
    assert table.column_names == [column.split()[0] for column in schemas.TABLES["images"].split(", ")]
    assert [(row["filename"], row["flags"], row["duplicate_of"]) for row in table.to_pylist()] == [
        ("a.jpg", [], None),
        ("b.jpg", ["exact-duplicate"], "a-topic-0-0"),
        ("c.png", ["low-information"], None),
    ]
    assert table["event_time"].to_pylist() == [AT] * 3


def test_a_repeat_in_another_partition_marks_only_its_own_place(schema: pa.Schema, tmp_path: Path) -> None:
    elsewhere = Repeat(Seen("a-topic", 1, 0, "", ""), "near-duplicate", "a-topic-0-0")
    table = marked(measured(records(record(0, b"a.jpg", JPEG)), tmp_path, schema)[MEASURED], [elsewhere])
    assert [(row["flags"], row["duplicate_of"]) for row in table.to_pylist()] == [([], None)]


def test_after_a_crash_the_first_verdicts_hold_whatever_a_second_look_says(schema: pa.Schema, tmp_path: Path) -> None:
    broken = JPEG[: len(JPEG) // 2]
    sent = [record(offset, b"a.jpg", data) for offset, data in enumerate((JPEG, JPEG, broken, broken))]
    # At the first look 0 and 3 were images.
    first = measured(records(sent[0], record(3, b"a.jpg", JPEG)), tmp_path, schema)[MEASURED]
    write_deltalake(tmp_path / "images", first)
    again = measured_before(records(*sent), tmp_path, schema, str(tmp_path / "images"))
    assert again.keys() == {REJECTS}
    assert [(row["offset"], row["value"], row["reason"]) for row in again[REJECTS].to_pylist()] == [
        (1, JPEG, "decoder-failed:once"),
        (2, broken, "truncated"),
    ]
