"""What a Spark task does with its part of a micro-batch: rows of tables, in files of its own or handed to the driver.

Rows that are few travel to the driver, which puts those of all tasks into one file. More of them stay in a Parquet file
in the table's folder, of which the driver gets the name: until it commits that name, no reader sees the file.
"""

import functools
import gc
import json
import math
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler

from arus.streaming.spark_internals import running_batch

# What a task gives for each table and for the records it has read; only one of file and rows in `data` is there.
RESULT = "name string, rows bigint, file string, size bigint, stats string, data binary"
RECORDS_READ = ""
# The name of rows that are for the rejects of the job.
REJECTS = "rejects"
# Bytes in memory: what travels to the driver at most, for each task and table, and what a row group of a file has.
FEW_BYTES = 1 << 20
ROW_GROUP_BYTES = 8 << 20
COMPRESSION = "zstd"
# What statistics keep of a text, as Delta's own writer does.
BOUND_CHARACTERS = 32
LAST_CHARACTER = "\U0010ffff"

Rows = Mapping[str, pa.Table]
RowsOf = Callable[[pa.RecordBatch], Rows]
# Of a Parquet file: its name, size in bytes, rows, and Delta's statistics as JSON.
FileFacts = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A table's folder or URI, and its columns."""

    path: str
    schema: pa.Schema


@dataclass
class TaskRows:
    """The rows that one task has for one table; without a target, they are for the driver alone."""

    name: str
    target: Target | None
    _pieces: list[pa.Table] = field(default_factory=list)
    _bytes: int = 0
    _file: "TableFile | None" = None

    def add(self, rows: pa.Table) -> None:
        self._pieces.append(rows)
        self._bytes += rows.nbytes
        if self.target and self._bytes > ROW_GROUP_BYTES:
            self._flush(self.target)

    def result(self) -> dict[str, Any]:
        """Return a row of RESULT; the file, if there is one, is whole by then."""
        if self.target and (self._file or self._bytes > FEW_BYTES):
            return {"name": self.name, **self._flush(self.target).close()}
        rows = pa.concat_tables(self._pieces)
        return {"name": self.name, "rows": rows.num_rows, "data": as_bytes(rows)}

    def _flush(self, target: Target) -> "TableFile":
        self._file = self._file or TableFile(target)
        if self._pieces:
            self._file.write(pa.concat_tables(self._pieces))
        self._pieces, self._bytes = [], 0
        return self._file


class TableFile:
    """A new Parquet file in a table's folder; nobody reads it before its name is committed to the table's log."""

    def __init__(self, target: Target, folder: str = "") -> None:
        self._files = pa_fs.PyFileSystem(DeltaStorageHandler(target.path))
        self._name = f"{folder}part-{uuid.uuid4()}.{COMPRESSION}.parquet"
        self._writer = pq.ParquetWriter(self._name, target.schema, filesystem=self._files, compression=COMPRESSION)
        self._statistics = Statistics()

    def write(self, rows: pa.Table) -> None:
        """Write the rows as one row group."""
        self._writer.write_table(rows, row_group_size=max(rows.num_rows, 1))
        self._statistics.add(rows)

    def close(self) -> FileFacts:
        """Return what the table's log has to say of the file."""
        self._writer.close()
        size = self._files.get_file_info(self._name).size
        rows = self._statistics.rows
        return {"file": self._name, "size": size, "rows": rows, "stats": self._statistics.as_json()}


class Statistics:
    """Delta's statistics of a file's rows, by which readers skip files: bounds and nulls of each plain column.

    All plain columns, or none: `deltalake` takes a column without bounds, beside others that have some, for one that no
    filter can match.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._nulls: Counter[str] = Counter()
        self._least: dict[str, Any] = {}
        self._most: dict[str, Any] = {}

    def add(self, rows: pa.Table) -> None:
        self.rows += rows.num_rows
        for name, column in zip(rows.column_names, rows.columns, strict=True):
            if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
                continue
            self._nulls[name] += column.null_count
            least, most = pc.min_max(column).as_py().values()
            if least is not None:
                self._least[name] = min(least, self._least.get(name, least))
                self._most[name] = max(most, self._most.get(name, most))

    def as_json(self) -> str:
        found: dict[str, Any] = {"numRecords": self.rows, "nullCount": self._nulls}
        bounds = [*self._least.values(), *self._most.values()]
        # JSON has no word for NaN: a log that has it can be read by nobody.
        if all(math.isfinite(bound) for bound in bounds if isinstance(bound, float)):
            found["minValues"] = {name: _bound(value, "") for name, value in self._least.items()}
            found["maxValues"] = {name: _bound(value, LAST_CHARACTER) for name, value in self._most.items()}
        return json.dumps(found)


def _bound(value: Any, end: str) -> Any:
    """Return a value as Delta's statistics have it: long text by its beginning, a largest one by what comes after."""
    if isinstance(value, str) and len(value) > BOUND_CHARACTERS:
        return value[:BOUND_CHARACTERS] + end
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value


def write_file(target: Target, rows: pa.Table, folder: str = "") -> FileFacts:
    """Write rows as one file of a table; `folder` is that of a partition."""
    file = TableFile(target, folder)
    file.write(rows)
    return file.close()


def task_rows(
    batches: Iterator[pa.RecordBatch], rows_of: RowsOf, targets: Mapping[str, Target], result: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Give what `rows_of` makes of a task's records to the tables of that name; yield rows of RESULT."""
    _keep_imports()
    found: dict[str, TaskRows] = {}
    stamps = {"batch_id": running_batch(), "rejected_at": datetime.now(timezone.utc)}
    records = 0
    for batch in batches:
        records += batch.num_rows
        for name, rows in rows_of(batch).items():
            if rows.num_rows:
                target = targets.get(name)
                found.setdefault(name, TaskRows(name, target)).add(
                    fitted(rows, target.schema, stamps) if target else rows
                )
    results = [{"name": RECORDS_READ, "rows": records}, *(rows.result() for rows in found.values())]
    yield pa.RecordBatch.from_pylist(results, result)


def fitted(rows: pa.Table, schema: pa.Schema, stamps: Mapping[str, Any]) -> pa.Table:
    """Return the rows with the table's columns, in its order; those that only the sink knows are the same for all."""
    columns = [
        pa.repeat(pa.scalar(stamps[name], schema.field(name).type), rows.num_rows)
        if name in stamps and name not in rows.column_names
        else rows[name]
        for name in schema.names
    ]
    return pa.table(columns, schema=schema)


def as_bytes(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue())


def from_bytes(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


@functools.cache
def _keep_imports() -> None:
    # PySpark's workers collect garbage after every task: what was imported is none, and to see that takes 10 ms.
    gc.freeze()
