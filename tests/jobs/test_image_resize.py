import io
import json
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from arus import schemas
from arus.errors import ArusError
from arus.image_tasks import resized
from arus.resizing import Target
from arus.settings import Trigger
from arus.streaming.spark_internals import arrow_schema
from arus.streaming.task_rows import REJECTS
from jobs.image_resize import Settings, storage, target
from tests.jobs.image_records import picture, record, records

ONE, TWO, THREE = (letter * 32 for letter in "abc")
JPEG = picture(size=(200, 100))


@pytest.fixture(scope="module")
def schema(spark: SparkSession) -> pa.Schema:  # noqa: ARG001  (Spark reads the DDL)
    return arrow_schema(schemas.TABLES["resized"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("uploads", "processed"):
        (tmp_path / name).mkdir()
    return tmp_path


def note(folder: Path, upload: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "processed" / f"{upload}.json").read_text())
    return found


def test_an_upload_becomes_a_picture_of_the_asked_size_and_a_note(schema: pa.Schema, folder: Path) -> None:
    sent = records(record(7, ONE.encode(), JPEG, filename="my cat.jpg"))
    [row] = resized(sent, folder, Target(), schema)["resized"].to_pylist()
    with Image.open(folder / "processed" / f"{ONE}.jpg") as result:
        assert (result.format, result.size) == ("JPEG", (300, 300))
    expected = {"id": ONE, "filename": "my cat.jpg", "status": "processed", "reason": None, "width": 300, "height": 300}
    expected |= {"format": "JPEG", "source_format": "JPEG", "source_width": 200, "source_height": 100, "offset": 7}
    expected |= {"path": f"storage/processed/{ONE}.jpg"}
    assert {name: row[name] for name in expected} == expected
    assert row["accepted_at"] <= row["started_at"] <= row["finished_at"]
    told = note(folder, ONE)
    assert {name: told[name] for name in expected if name != "offset"} == {
        name: value for name, value in expected.items() if name != "offset"
    }
    assert told["accepted_at"] == "2026-01-02T03:04:05.000Z"
    assert "value" not in told


def test_an_upload_that_is_no_image_is_told_why_and_kept(schema: pa.Schema, folder: Path) -> None:
    found = resized(records(record(0, TWO.encode(), JPEG[:500], filename="half.jpg")), folder, Target(), schema)
    assert [(row["id"], row["status"], row["reason"], row["path"]) for row in found["resized"].to_pylist()] == [
        (TWO, "rejected", "truncated", None)
    ]
    assert [(row["key"], row["value"], row["reason"]) for row in found[REJECTS].to_pylist()] == [
        (TWO.encode(), JPEG[:500], "truncated")
    ]
    assert (note(folder, TWO)["status"], note(folder, TWO)["reason"]) == ("rejected", "truncated")
    assert sorted(path.name for path in (folder / "processed").iterdir()) == [f"{TWO}.json"]


def test_an_upload_too_large_for_a_message_is_read_from_where_it_lies(schema: pa.Schema, folder: Path) -> None:
    (folder / "uploads" / f"{ONE}.jpg").write_bytes(JPEG)
    rows = records(
        record(0, ONE.encode(), b"", filename="big.jpg", file=f"{ONE}.jpg"),
        record(1, TWO.encode(), b"", filename="gone.jpg", file=f"{TWO}.jpg"),
        record(2, THREE.encode(), b"", filename="x", file="../../etc/passwd"),
    )
    found = resized(rows, folder, Target(), schema)["resized"].to_pylist()
    assert [(row["status"], row["reason"]) for row in found] == [
        ("processed", None),
        ("rejected", "lost-reference"),
        ("rejected", "wrong-reference"),
    ]


@pytest.mark.parametrize("key", [None, b"", b"../../x", b"A" * 32, ONE.encode() + b"\n", b"\xff\xfe"])
def test_a_record_without_an_upload_id_touches_no_file(schema: pa.Schema, folder: Path, key: bytes | None) -> None:
    found = resized(records(record(0, key, JPEG)), folder, Target(), schema)
    assert found[REJECTS]["reason"].to_pylist() == ["wrong-id"]
    assert found["resized"].num_rows == 0
    assert list((folder / "processed").iterdir()) == []


def test_the_same_upload_again_gives_the_same_file(schema: pa.Schema, folder: Path) -> None:
    rows = records(record(0, ONE.encode(), JPEG))
    resized(rows, folder, Target(), schema)
    first = (folder / "processed" / f"{ONE}.jpg").read_bytes()
    resized(rows, folder, Target(), schema)
    assert (folder / "processed" / f"{ONE}.jpg").read_bytes() == first
    assert sorted(path.name for path in (folder / "processed").iterdir()) == [f"{ONE}.jpg", f"{ONE}.json"]


@pytest.mark.parametrize("first", ["processed", "rejected"])
def test_what_was_told_of_an_upload_holds_when_it_is_looked_at_again(
    schema: pa.Schema, folder: Path, first: str
) -> None:
    def verdicts(data: bytes) -> list[tuple[object, ...]]:
        found = resized(records(record(0, ONE.encode(), data)), folder, Target(), schema)["resized"].to_pylist()
        return [(row["status"], row["reason"], row["path"], row["width"]) for row in found]

    told = verdicts(JPEG if first == "processed" else JPEG[:500])
    assert told[0][0] == first
    for data in (JPEG, JPEG[:500]):
        assert verdicts(data) == told
        assert note(folder, ONE)["status"] == first


def test_size_fit_and_format_are_settings(schema: pa.Schema, folder: Path) -> None:
    settings = Settings(Trigger.parse("0 seconds"), "earliest", 9, 1, 64, 48, "contain", "WEBP", 80)
    resized(records(record(0, ONE.encode(), JPEG)), folder, target(settings), schema)
    with Image.open(io.BytesIO((folder / "processed" / f"{ONE}.webp").read_bytes())) as result:
        assert (result.format, result.size) == ("WEBP", (64, 32))
    with pytest.raises(ArusError, match="fit 'stretch'"):
        target(Settings(Trigger.parse("0 seconds"), "earliest", 9, 1, 64, 48, "stretch", "WEBP", 80))


def test_a_store_that_is_no_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARUS_STORE", "s3a://bucket/arus")
    with pytest.raises(ArusError, match="is no local folder"):
        storage()
