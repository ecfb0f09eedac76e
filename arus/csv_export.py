"""A Delta table into CSV files: one a micro-batch where the table knows its batches, headed as the original data."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from arus import delta_files, schemas
from arus.errors import ArusError
from arus.progress import Counting
from arus.text import number_of

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Rows of the batches read in one pass: a pass costs a look at every file, and a compacted file holds many batches.
PASS_ROWS = 200_000
# The column that dates a batch, whichever of them the table has.
TIME_COLUMNS = ("invoice_date", "event_time")
BATCH = "batch_id"
IN_ORDER = ("partition", "offset")


class Batch(NamedTuple):
    number: int
    rows: int
    earliest: datetime | None

    @property
    def file_name(self) -> str:
        """The same at every export of the batch, as it depends on its rows alone."""
        when = f"{self.earliest:%Y%m%dT%H%M%S}" if self.earliest else "undated"
        return f"batch_{self.number:06d}_{when}.csv"


def export(name: str, folder: Path) -> str:
    """Write the table's rows into `folder`; return a line on what is new. Files appear whole or not at all."""
    if name not in (there := [table for table in delta_files.names() if "/" not in table]):
        raise ArusError(f"no table '{name}'; there are: {', '.join(there) or 'none yet'}")
    table = delta_files.opened(name)
    columns = [field.name for field in table.schema().fields]
    _make(folder)
    if BATCH not in columns:
        rows = _write_all(table, columns, folder / f"{name}.csv")
        return f"{folder / name}.csv: {number_of(rows, 'row')} (version {table.version()})"
    batches = batches_of(table, next((column for column in TIME_COLUMNS if column in columns), None))
    new = [batch for batch in batches if not (folder / batch.file_name).exists()]
    with Counting("batch") as counting:
        for group in passes(new):
            _write_batches(table, header(columns), group, folder)
            counting.add(len(group))
    rows = sum(batch.rows for batch in new)
    made = f"{number_of(len(new), 'new batch')} ({number_of(rows, 'row')})"
    return f"{folder}: {made}, {len(batches) - len(new):,} were there already"


def header(columns: list[str]) -> dict[str, str]:
    """Return which columns go to the file, and their names there: a retail table's as in the original data set."""
    originals = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field).lower(): field for field in schemas.RETAIL_FIELDS}
    return originals if originals.keys() <= set(columns) else {column: column for column in columns}


def batches_of(table: "DeltaTable", time_column: str | None) -> list[Batch]:
    """Return the micro-batches in the table, in order."""
    import pyarrow as pa

    found: dict[int, Batch] = {}
    wanted = [(BATCH, "count"), *([(time_column, "min")] if time_column else [])]
    with Counting("row") as counting:
        for piece in delta_files.pieces(table, [column for column, _ in wanted]):
            counting.add(len(piece))
            for row in pa.Table.from_batches([piece]).group_by(BATCH).aggregate(wanted).to_pylist():
                before = found.get(row[BATCH], Batch(row[BATCH], 0, None))
                times = [time for time in (before.earliest, row.get(f"{time_column}_min")) if time]
                rows = before.rows + row[f"{BATCH}_count"]
                found[row[BATCH]] = Batch(row[BATCH], rows, min(times, default=None))
    return sorted(found.values())


def passes(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Group the batches so that a group has PASS_ROWS rows at most, or is a single batch."""
    group: list[Batch] = []
    for batch in batches:
        if group and sum(other.rows for other in group) + batch.rows > PASS_ROWS:
            yield group
            group = []
        group.append(batch)
    if group:
        yield group


def _write_batches(table: "DeltaTable", names: dict[str, str], group: list[Batch], folder: Path) -> None:
    """Write a group's files from one pass over the table, rows in the order in which Kafka had them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    order = [BATCH, *(name for name in IN_ORDER if name in table.to_pyarrow_dataset().schema.names)]
    columns = [*names, *(name for name in order if name not in names)]
    wanted = pc.field(BATCH).isin([batch.number for batch in group])
    read = list(delta_files.pieces(table, columns, wanted))
    rows = pa.Table.from_batches(read).sort_by([(name, "ascending") for name in order])
    start = 0
    for batch in group:
        with _new_csv(folder / batch.file_name, names.values()) as file:
            for piece in rows.slice(start, batch.rows).select(list(names)).to_batches(delta_files.PIECE_ROWS):
                _write_rows(file, piece)
        start += batch.rows


def _write_all(table: "DeltaTable", columns: list[str], target: Path) -> int:
    count = 0
    with _new_csv(target, columns) as file, Counting("row") as counting:
        for piece in delta_files.pieces(table, columns):
            _write_rows(file, piece)
            count += len(piece)
            counting.add(len(piece))
    return count


@contextmanager
def _new_csv(target: Path, names: Iterable[str]) -> Iterator[TextIO]:
    """Open a file beside `target` that takes its place when all is written."""
    temporary = target.with_name(f".{target.name}.part")
    try:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(names)
            yield file
        temporary.replace(target)
    except OSError as error:
        raise ArusError(f"{target} was not written ({error}): mend that, then run this again") from error
    finally:
        temporary.unlink(missing_ok=True)


def _write_rows(file: TextIO, piece: Any) -> None:
    columns = [[cell(value) for value in column.to_pylist()] for column in piece.columns]
    csv.writer(file).writerows(zip(*columns, strict=True))


def cell(value: Any) -> Any:
    """Return a value as CSV has it: times as `2011-10-06 16:20:00` in UTC, bytes as hexadecimal, lists as JSON."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ")
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(value, default=str) if isinstance(value, list | dict) else value


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArusError(f"cannot write into {folder} ({error.strerror}): choose another folder") from error
