"""Real Delta tables with the schemas of arus.schemas, as the jobs would have made them."""

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from arus.schemas import REJECTS, TABLES

TYPES = {
    "string": pa.string(),
    "double": pa.float64(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
    "array<string>": pa.list_(pa.string()),
    "array<struct<key: string, value: binary>>": pa.list_(pa.struct({"key": pa.string(), "value": pa.binary()})),
}
JOB = "temperature_filter"
IMAGE = b"\xff\xd8\x00"
Row = dict[str, Any]


def append(store: Path, name: str, rows: list[Row], **options: Any) -> None:
    """Append rows, in one commit, to the table as `python -m arus tables` calls it."""
    ddl = REJECTS if name.startswith("rejects/") else TABLES[name]
    columns = [column.split(" ", 1) for column in re.split(r", (?![^<]*>)", ddl)]
    schema = pa.schema([(column, TYPES[kind]) for column, kind in columns])
    path = store / (name if name.startswith("rejects/") else f"tables/{name}")
    path.mkdir(parents=True, exist_ok=True)
    write_deltalake(str(path), pa.Table.from_pylist(rows, schema), mode="append", **options)


def at(second: int) -> datetime:
    return datetime(2026, 1, 2, 3, 4, second, tzinfo=timezone.utc)


def reading(offset: int) -> Row:
    position = {"topic": "sensor-suhu", "partition": 0, "offset": offset}
    return {"sensor_id": "S1", "suhu": 70.5, "event_time": at(offset), **position}


def rejected(offset: int, value: bytes | None, reason: str = "not-json", **more: Any) -> Row:
    return {
        "topic": "sensor-suhu",
        "partition": 0,
        "offset": offset,
        "timestamp": at(offset),
        "key": b"S1",
        "value": value,
        "headers": [],
        "reason": reason,
        "batch_id": 0,
        "rejected_at": at(offset),
        **more,
    }


def three_rejects(store: Path) -> None:
    headers = [{"key": "trace", "value": b"7"}, {"key": "none", "value": None}]
    append(store, f"rejects/{JOB}", [rejected(3, b'{"suhu": "x"}', "wrong-type:suhu", headers=headers)])
    append(store, f"rejects/{JOB}", [rejected(1, b"{"), rejected(2, IMAGE, key=None)])
