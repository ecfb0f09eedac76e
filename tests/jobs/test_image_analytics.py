import base64
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession

from arus import schemas
from arus.image_duplicates import Repeat, Seen
from arus.image_tasks import REJECTED, measuring, whole
from jobs.image_analytics import decided_before, marked
from tests.jobs.image_records import AT, picture, record, records

JPEG, PNG = picture(), picture("PNG", (64, 80))


def test_an_image_is_measured_whatever_form_it_was_sent_in(spark: SparkSession, tmp_path: Path) -> None:
    said = {"filename": "daun 1.jpg", "plant": "tomato", "disease": "blight"}
    text = base64.b64encode(JPEG)
    as_json = json.dumps({**said, "image": text.decode()}).encode()
    (tmp_path / hashlib.sha256(JPEG).hexdigest()).write_bytes(JPEG)
    rows = records(
        spark,
        record(0, b"daun 1.jpg", JPEG, **said),
        record(1, b"daun 1.jpg", text, **said),
        record(2, b"daun 1.jpg", as_json),
        record(3, b"daun 1.jpg", b"", **said, file=hashlib.sha256(JPEG).hexdigest()),
    )
    measured = [row.asDict() for row in measuring(tmp_path)(rows).orderBy("offset").collect()]
    assert [row["reason"] for row in measured] == [None] * 4
    expected = {"format": "JPEG", "width": 120, "height": 90, "bytes": len(JPEG), "mode": "RGB", "flags": []} | said
    expected |= {"sha256": hashlib.sha256(JPEG).hexdigest(), "topic": "a-topic"}
    for row in measured:
        assert {name: row[name] for name in expected} == expected
        assert row["thumbnail"].startswith(b"\xff\xd8\xff")
        assert row["timestamp"].timestamp() == AT.timestamp()


def test_what_is_no_image_is_kept_whole_with_the_reason(spark: SparkSession, tmp_path: Path) -> None:
    broken = {
        0: (b"k", None, "null-value"),
        1: (b"k", b"", "empty"),
        2: (b"k", b"no image at all", "not-an-image"),
        3: (b"k", JPEG[: len(JPEG) // 2], "truncated"),
        4: (b"k", b'{"plant": "tomato"}', "missing-field:image"),
    }
    rows = records(spark, *(record(offset, key, value, plant="p") for offset, (key, value, _) in broken.items()))
    rejects = whole(rows, found(rows, tmp_path)).orderBy("offset").collect()
    assert rejects[0].asDict().keys() == set(REJECTED)
    assert [(row.key, row.value, row.reason) for row in rejects] == list(broken.values())
    assert {tuple(map(tuple, row.headers)) for row in rejects} == {(("plant", b"p"),)}


def found(rows: DataFrame, folder: Path) -> pa.Table:
    """Return what the driver gets of records: their measures, or why there are none."""
    return measuring(folder)(rows).toArrow().sort_by("offset")


def test_a_repeated_image_says_of_which_and_how(spark: SparkSession, tmp_path: Path) -> None:
    rows = records(spark, record(0, b"a.jpg", JPEG), record(1, b"b.jpg", JPEG), record(2, b"c.png", PNG))
    repeat = Repeat(Seen("a-topic", 0, 1, "", ""), "exact-duplicate", "a-topic-0-0")
    table = marked(found(rows, tmp_path), [repeat])
    assert table.column_names == [column.split()[0] for column in schemas.TABLES["images"].split(", ")]
    assert [(row["filename"], row["flags"], row["duplicate_of"]) for row in table.to_pylist()] == [
        ("a.jpg", [], None),
        ("b.jpg", ["exact-duplicate"], "a-topic-0-0"),
        ("c.png", ["low-information"], None),
    ]
    assert table["event_time"].to_pylist() == [AT] * 3


def test_a_repeat_in_another_partition_marks_only_its_own_place(spark: SparkSession, tmp_path: Path) -> None:
    elsewhere = Repeat(Seen("a-topic", 1, 0, "", ""), "near-duplicate", "a-topic-0-0")
    table = marked(found(records(spark, record(0, b"a.jpg", JPEG)), tmp_path), [elsewhere])
    assert [(row["flags"], row["duplicate_of"]) for row in table.to_pylist()] == [([], None)]


def test_after_a_crash_the_first_verdicts_hold_whatever_a_second_look_says(spark: SparkSession, tmp_path: Path) -> None:
    broken = JPEG[: len(JPEG) // 2]
    sent = [record(offset, b"a.jpg", data) for offset, data in enumerate((JPEG, JPEG, broken, broken))]
    now = found(records(spark, *sent), tmp_path)
    kept = now.filter(pc.is_in(now["offset"], pa.array([0, 3], pa.int64()))).select(["topic", "partition", "offset"])
    assert decided_before(now, ds.dataset(kept))["reason"].to_pylist() == [
        None,
        "decoder-failed:once",
        "truncated",
        None,
    ]
