"""What Spark's tasks do with messages that hold images: Kafka records in, rows and rejects out.

Decoding happens in a child of the Python worker (arus/image_worker.py), kept for as long as Spark keeps that worker.
"""

import functools
import json
import os
import re
import socket
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from pyspark import TaskContext

from arus.image_headers import RejectedImage
from arus.image_measures import analyse
from arus.image_messages import unpack
from arus.image_names import shown_name
from arus.image_worker import ImageWorker
from arus.resizing import Target, resize
from arus.streaming.record_batches import POSITION, as_rejects, headers_of, positions
from arus.streaming.task_rows import REJECTS, Rows

Record = dict[str, Any]
# The name of rows that only the driver can finish: it alone knows which images were there before.
MEASURED = "measured"
# Of an image that was rejected before a crash, and would not be now.
UNDECIDED = "decoder-failed:once"
MOMENTS = ("started_at", "finished_at")
NOTHING_MADE: Record = dict.fromkeys(
    ("format", "width", "height", "bytes", "path", "source_format", "source_width", "source_height")
)
UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
ORIGINAL = re.compile(r"[0-9a-f]{32}\.(?:jpg|png|webp)")
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


@functools.cache
def child() -> ImageWorker:
    """Return this process's decoder; it ends with the process."""
    return ImageWorker()


def _each(records: pa.RecordBatch, row_of: Callable[[Record], Record], schema: pa.Schema) -> tuple[pa.Table, pa.Table]:
    """Return a row for each record, and the records that have a `reason` in theirs, or have none because of it."""
    rows, invalid, reasons = [], [], []
    for index, record in enumerate(records.to_pylist()):
        try:
            row = row_of(record)
            rows.append(row)
            reason = row.get("reason")
        except RejectedImage as rejected:
            reason = rejected.reason
        if reason:
            invalid.append(index)
            reasons.append(reason)
    return pa.Table.from_pylist(rows, schema), as_rejects(records.take(pa.array(invalid, pa.int64())), reasons)


def _headers(record: Record) -> dict[str, bytes]:
    """Return the headers by name; of a name that occurs twice, the last."""
    return {header["key"]: header["value"] or b"" for header in headers_of(record["headers"]) or ()}


def _position(record: Record) -> Record:
    return {name: record[name] for name in POSITION} | {"event_time": record["timestamp"]}


# --- image-stream: measured ---


def measured(records: pa.RecordBatch, large: Path, schema: pa.Schema) -> Rows:
    """Return images as rows of `tables/images` (`schema`), but for what repeats another, and what is none as rejects.

    `large` is the folder of the images that messages refer to.
    """
    images, rejects = _each(records, functools.partial(_measures, large=large), schema)
    return {MEASURED: images, REJECTS: rejects}


def measured_before(records: pa.RecordBatch, large: Path, schema: pa.Schema, table: str) -> Rows:
    """Return as rejects what was no image when `table` got this micro-batch, before a crash.

    What the table has was an image; the rest was none, whatever a second look says: a decoder may be slow once.
    """
    rejects = measured(records, large, schema)[REJECTS]
    why = dict(zip(positions(rejects), rejects["reason"].to_pylist(), strict=True))
    kept = _kept(records, table)
    others = [(index, position) for index, position in enumerate(positions(records)) if position not in kept]
    reasons = [why.get(position, UNDECIDED) for _, position in others]
    return {REJECTS: as_rejects(records.take(pa.array([index for index, _ in others], pa.int64())), reasons)}


def _kept(records: pa.RecordBatch, table: str) -> set[tuple[str, int, int]]:
    """Return the positions in Kafka of which the table has rows, among them those of the records."""
    offsets = records.column("offset")
    filters = [("offset", ">=", pc.min(offsets).as_py()), ("offset", "<=", pc.max(offsets).as_py())]
    return set(positions(DeltaTable(table).to_pyarrow_table(columns=list(POSITION), filters=filters)))


def _measures(record: Record, large: Path) -> Record:
    image = unpack(record["key"], record["value"], _headers(record), large)
    found = vars(child().call(analyse, image.data, image.filename))
    named = {"filename": image.filename, "plant": image.plant, "disease": image.disease}
    return _position(record) | named | found | {"bytes": found["byte_count"]}


# --- image-upload: resized ---


def resized(records: pa.RecordBatch, storage: Path, target: Target, schema: pa.Schema) -> Rows:
    """Return uploads as rows of `tables/resized` (`schema`), and those that were rejected as rejects too.

    A result lies in `processed` of the storage, whole, before its row does.
    """
    rows, rejects = _each(records, functools.partial(_made, storage=storage, target=target), schema)
    return {"resized": rows, REJECTS: rejects}


def _made(record: Record, storage: Path, target: Target) -> Record:
    upload = (record["key"] or b"").decode(errors="replace")
    if not UPLOAD_ID.fullmatch(upload):
        raise RejectedImage("wrong-id")
    row = {"id": upload, "started_at": datetime.now(timezone.utc), "accepted_at": record["timestamp"]} | _who()
    row["filename"] = shown_name(_headers(record).get("filename", b"").decode(errors="replace"))
    try:
        made = child().call(resize, _original(record, storage / "uploads"), target)
        path = f"processed/{upload}.{EXTENSIONS[made.format]}"
        write_whole(storage / path, made.data)
        facts = {name: value for name, value in vars(made).items() if name != "data"}
        row |= facts | {"bytes": len(made.data), "path": f"storage/{path}", "status": "processed", "reason": None}
    except RejectedImage as rejected:
        row |= {"status": "rejected", "reason": rejected.reason}
    row["finished_at"] = datetime.now(timezone.utc)
    note = storage / "processed" / f"{upload}.json"
    before = _told_before(note)
    if before and before["status"] != row["status"]:
        # Told before a crash, and its owner may have read it. A decoder may be slow once.
        return _position(record) | row | before
    write_whole(note, json.dumps(row, default=_as_text).encode())
    return _position(record) | row


def _told_before(note: Path) -> Record | None:
    """Return what was told of an upload as columns of its row, None where nothing was."""
    try:
        told: Record = json.loads(note.read_bytes())
        moments = {name: datetime.fromisoformat(told[name].replace("Z", "+00:00")) for name in MOMENTS}
    except (OSError, ValueError, LookupError):
        return None
    del told["accepted_at"]
    return NOTHING_MADE | told | moments


def _who() -> Record:
    context = TaskContext.get()
    return {"host": socket.gethostname(), "pid": os.getpid(), "task": context.taskAttemptId() if context else None}


def _original(record: Record, uploads: Path) -> bytes:
    """Return the uploaded bytes: the message's, or those of the file that it names; raise RejectedImage."""
    name = _headers(record).get("file", b"").decode(errors="replace")
    if not name:
        return bytes(record["value"] or b"")
    if not ORIGINAL.fullmatch(name):
        raise RejectedImage("wrong-reference")
    try:
        return (uploads / name).read_bytes()
    except OSError as error:
        raise RejectedImage("lost-reference") from error


def _as_text(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step: it is there whole or not at all, however often a task runs again."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    draft.write_bytes(data)
    draft.replace(path)
