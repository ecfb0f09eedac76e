"""What Spark's tasks do with messages that hold images: Kafka records in, rows out.

Decoding happens in a child of the Python worker (arus/image_worker.py), kept for as long as Spark keeps that worker.
"""

import functools
import gc
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType
from pyspark.sql.udf import UserDefinedFunction
from pyspark.util import PythonEvalType

from arus.image_headers import RejectedImage
from arus.image_measures import analyse
from arus.image_messages import unpack
from arus.image_names import shown_name
from arus.image_worker import ImageWorker
from arus.resizing import Target, resize
from arus.schemas import POSITION

Record = dict[str, Any]
# What the tasks get of a record, as arus/kafka_io.py reads it.
RECORD = ("topic", "partition", "offset", "timestamp", "key", "value", "headers")
VERDICT = f"{POSITION}, timestamp timestamp, reason string"
# What is measured; of what is rejected, its place and the reason.
MEASURED = (
    f"{VERDICT}, filename string, plant string, disease string, format string, width int, height int, "
    "mode string, bytes bigint, orientation int, brightness double, contrast double, darkest double, lightest double, "
    "entropy double, sharpness double, colourfulness double, sha256 string, phash string, flags array<string>, "
    "thumbnail binary"
)
RESIZED = (
    f"{VERDICT}, id string, filename string, status string, format string, width int, height int, "
    "bytes bigint, path string, source_format string, source_width int, source_height int, host string, pid int, "
    "task bigint, started_at timestamp, finished_at timestamp"
)
# The columns of a record that was rejected.
REJECTED = ("topic", "partition", "offset", "timestamp", "key", "value", "headers", "reason")
MOMENTS = ("started_at", "finished_at")
NOTHING_MADE: Record = dict.fromkeys(
    ("format", "width", "height", "bytes", "path", "source_format", "source_width", "source_height")
)
POSITIONS = ("topic", "partition", "offset", "timestamp")
UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
ORIGINAL = re.compile(r"[0-9a-f]{32}\.(?:jpg|png|webp)")
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


@functools.cache
def child() -> ImageWorker:
    """Return this process's decoder; it ends with the process."""
    # PySpark's workers collect garbage after every task: what was imported is none, and to see that takes 10 ms.
    gc.freeze()
    return ImageWorker()


def in_tasks(row_of: Callable[[Record], Record], ddl: str) -> Callable[[DataFrame], DataFrame]:
    """Return what gives a row of the DDL for each Kafka record of a data frame, made by Python in the tasks, once.

    It is made once and used for every micro-batch: putting it together takes a tenth of a small one's time.
    """
    struct = cast(StructType, StructType.fromDDL(ddl))
    function = functools.partial(_rows, row_of=row_of, schema=to_arrow_schema(struct, timezone="UTC"))
    udf = UserDefinedFunction(function, struct, evalType=PythonEvalType.SQL_MAP_ARROW_ITER_UDF)
    column: Any = udf(*RECORD)

    def applied(records: DataFrame) -> DataFrame:
        # What DataFrame.mapInArrow does, but for its wish for pandas, which nothing here needs. A UDF in a select
        # would have every image copied into a queue beside its result.
        jvm_frame = records.select(*RECORD)._jdf.mapInArrow(column._jc, False, None)
        return DataFrame(jvm_frame, records.sparkSession)

    return applied


def whole(batch: DataFrame, verdicts: pa.Table) -> DataFrame:
    """Return the records of a micro-batch at the places of these verdicts, read again and whole, with the reasons."""
    places = verdicts.select(["topic", "partition", "offset", "reason"]).combine_chunks()
    reasons = F.broadcast(batch.sparkSession.createDataFrame(places))
    return batch.join(reasons, on=["topic", "partition", "offset"], how="inner").select(*REJECTED)


def _rows(
    batches: Iterator[pa.RecordBatch], row_of: Callable[[Record], Record], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    # A function of the module: a nested one would travel to every task with all that it refers to.
    for batch in batches:
        yield pa.RecordBatch.from_pylist([row_of(record) for record in batch.to_pylist()], schema)


def _headers(record: Record) -> dict[str, bytes]:
    """Return the headers by name; of a name that occurs twice, the last."""
    return {header["key"]: header["value"] or b"" for header in record["headers"] or ()}


def _verdict(record: Record, reason: str) -> Record:
    return {name: record[name] for name in POSITIONS} | {"reason": reason}


# --- image-stream: measured ---


def measuring(large: Path) -> Callable[[DataFrame], DataFrame]:
    """Return what makes rows of MEASURED; `large` is the folder of the images that messages refer to."""
    return in_tasks(functools.partial(_measures, large=large), MEASURED)


def _measures(record: Record, large: Path) -> Record:
    try:
        image = unpack(record["key"], record["value"], _headers(record), large)
        found = vars(child().call(analyse, image.data, image.filename))
    except RejectedImage as rejected:
        return _verdict(record, rejected.reason)
    place = {name: record[name] for name in POSITIONS}
    named = {"filename": image.filename, "plant": image.plant, "disease": image.disease}
    return place | named | found | {"bytes": found["byte_count"]}


# --- image-upload: resized ---


def resizing(storage: Path, target: Target) -> Callable[[DataFrame], DataFrame]:
    """Return what makes rows of RESIZED; a result lies in `processed` of the storage, whole, before its row does."""
    return in_tasks(functools.partial(_made, storage=storage, target=target), RESIZED)


def _made(record: Record, storage: Path, target: Target) -> Record:
    upload = (record["key"] or b"").decode(errors="replace")
    if not UPLOAD_ID.fullmatch(upload):
        return _verdict(record, "wrong-id")
    row = _verdict(record, "") | {"id": upload, "started_at": datetime.now(timezone.utc)} | _who()
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
        return row | before
    write_whole(note, _told(row))
    return row


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


def _told(row: Record) -> bytes:
    """Return what the web server tells the upload's owner."""
    told = {name: value for name, value in row.items() if name not in POSITIONS} | {"accepted_at": row["timestamp"]}
    return json.dumps(told, default=_as_text).encode()


def _as_text(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step: it is there whole or not at all, however often a task runs again."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    draft.write_bytes(data)
    draft.replace(path)
