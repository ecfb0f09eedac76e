"""The part of a Delta table that may still change, replaced as a whole by each micro-batch, with what has settled.

Written by `deltalake` from the driver: Spark takes half a second and more to replace a few thousand rows, since it
rebuilds the table's state by a job of its own in each commit.
"""

import json
import time
import uuid

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, RemoveAction

from arus.ledger import newest_without_spark, note

# Files in the settled part, beyond which its small ones are joined.
MANY_FILES = 50
SWEEP_SECONDS = 1800.0
KEPT_HOURS = 1


class OpenPart:
    """Rows with `settled = false` of a table that is partitioned by `settled`."""

    def __init__(self, path: str, query_id: str) -> None:
        self._path = path
        self._query_id = query_id
        self._newest = newest_without_spark(DeltaTable(path), query_id)
        self._swept = float("-inf")

    def rows(self) -> pa.Table:
        """Return the rows that may still change."""
        return DeltaTable(self._path).to_pyarrow_table(filters=[("settled", "=", False)])

    def has(self, batch_id: int) -> bool:
        """Return whether the table has this micro-batch already: from before a crash."""
        return batch_id <= self._newest

    def replace(self, rows: pa.Table, batch_id: int) -> bool:
        """Replace the part by the rows, unless the table has this micro-batch already; both in one commit.

        Rows with `settled = true` are added to the rest of the table for good.
        """
        if self.has(batch_id):
            return False
        table = DeltaTable(self._path)
        adds: list[AddAction | RemoveAction] = [
            self._file(table, rows.filter(pc.equal(rows["settled"], settled)), settled)
            for settled in (True, False)
            if pc.any(pc.equal(rows["settled"], settled)).as_py()
        ]
        table.create_write_transaction(
            adds,
            mode="overwrite",
            schema=table.schema(),
            partition_by=["settled"],
            partition_filters=[("settled", "=", "false")],
            commit_properties=CommitProperties(custom_metadata={"userMetadata": note(self._query_id, batch_id)}),
        )
        self._newest = batch_id
        self._tidy(has_settled=len(adds) > 1)
        return True

    def _file(self, table: DeltaTable, rows: pa.Table, settled: bool) -> AddAction:
        value = str(settled).lower()
        name = f"settled={value}/part-{uuid.uuid4()}.snappy.parquet"
        files = pa_fs.PyFileSystem(DeltaStorageHandler.from_table(table._table))
        pq.write_table(rows.drop_columns(["settled"]), name, filesystem=files, compression="snappy")
        size = files.get_file_info(name).size
        stats = json.dumps({"numRecords": rows.num_rows})
        return AddAction(name, size, {"settled": value}, round(1000 * time.time()), data_change=True, stats=stats)

    def _tidy(self, has_settled: bool) -> None:
        """Join the settled part's small files when there are many, and delete those that nobody needs any more."""
        table = DeltaTable(self._path)
        if has_settled and len(table.file_uris(file_pruning_predicate=[("settled", "=", True)])) > MANY_FILES:
            table.optimize.compact(partition_filters=[("settled", "=", "true")])
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            table.vacuum(retention_hours=KEPT_HOURS, dry_run=False, enforce_retention_duration=False)
            self._swept = time.monotonic()
