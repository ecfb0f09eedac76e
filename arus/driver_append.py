"""A Delta table that the driver appends a few rows to with every micro-batch, in a tenth of the time Spark takes."""

import time

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake

from arus.ledger import newest_without_spark, note

# Files beyond which the small ones are joined, and how often and after how long joined ones are deleted.
MANY_FILES = 200
SWEEP_SECONDS = 1800.0
KEPT_HOURS = 1


class DriverAppend:
    """The table at `path`, as the query of this id fills it: each micro-batch once."""

    def __init__(self, path: str, query_id: str) -> None:
        self._query_id = query_id
        # Kept open: it has one writer (arus/locks.py), and to read its log again takes as long as to append.
        self._table = DeltaTable(path)
        self._newest = newest_without_spark(self._table, query_id)
        self._files = len(self._table.file_uris())
        self._swept = float("-inf")

    def has(self, batch_id: int) -> bool:
        """Return whether the table has this micro-batch already: from before a crash."""
        return batch_id <= self._newest

    def append(self, rows: pa.Table, batch_id: int) -> bool:
        """Append the rows, unless there are none or the table has this micro-batch already; return whether it did.

        The micro-batch's number is in the same commit.
        """
        if self.has(batch_id) or not rows.num_rows:
            return False
        properties = CommitProperties(custom_metadata={"userMetadata": note(self._query_id, batch_id)})
        write_deltalake(self._table, rows, mode="append", commit_properties=properties)
        self._newest = batch_id
        self._files += 1
        if self._files > MANY_FILES:
            self._tidy()
        return True

    def _tidy(self) -> None:
        self._table.optimize.compact()
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._table.vacuum(retention_hours=KEPT_HOURS, dry_run=False, enforce_retention_duration=False)
            self._swept = time.monotonic()
        self._files = len(self._table.file_uris())
