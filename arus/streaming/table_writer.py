"""A Delta table as one query of a job writes it: every micro-batch once, in one commit, without a JVM.

Delta's own transaction identifier makes it exactly once: a commit carries the query's id and the micro-batch's number,
and the table's log knows the newest number of each query for ever.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

from arus.streaming.task_rows import FileFacts, Target, write_file

# Small files are joined into files of up to so many bytes when there are so many of them.
JOINED_BYTES = 32 << 20
SMALL_BYTES = JOINED_BYTES // 2
MANY_FILES = 100
# How often files are deleted that no longer belong to the table, and how long they are kept for those who still read.
SWEEP_SECONDS = 1800.0
KEPT_HOURS = 24


class TableWriter:
    """The table at `path`, as the query of this id fills it; `joined`: the partitions whose small files are joined."""

    def __init__(
        self, path: str, query_id: str, kept_hours: int = KEPT_HOURS, joined: list[tuple[str, str, str]] | None = None
    ) -> None:
        self._query_id = query_id
        self._kept_hours = kept_hours
        self._joined = joined
        # Kept open: to read the log again takes longer than to append.
        self.table = DeltaTable(path)
        self.target = Target(path, pa.schema(self.table.schema().to_arrow()))
        self._small = self._small_files()
        self._swept = float("-inf")

    def has(self, batch_id: int) -> bool:
        """Return whether the table has this micro-batch already: from before a crash."""
        newest = self.table.transaction_version(self._query_id)
        return newest is not None and batch_id <= newest

    def append(self, files: Sequence[FileFacts], rows: pa.Table | None, batch_id: int) -> bool:
        """Append files that tasks wrote, and rows in one more file, in one commit.

        Nothing happens, and False is returned, where there are none or the table has this micro-batch already.
        """
        if self.has(batch_id):
            return False
        facts = [*files]
        if rows is not None and rows.num_rows:
            facts.append(write_file(self.target, rows.select(self.target.schema.names)))
        if not facts:
            return False
        self.commit([add_action(each) for each in facts], batch_id)
        return True

    def commit(self, adds: Sequence[AddAction], batch_id: int, mode: str = "append", **partitions: Any) -> None:
        """Commit files under the query's id and the micro-batch's number; Delta refuses a second writer."""
        properties = CommitProperties(app_transactions=[Transaction(self._query_id, batch_id)])
        self.table.create_write_transaction(
            list(adds), mode, self.table.schema(), **partitions, commit_properties=properties
        )
        self.table.update_incremental()
        self._small += sum(each.size < SMALL_BYTES for each in adds)
        self._tidy()

    def _tidy(self) -> None:
        """Join small files if there are many; now and then delete those that nobody needs, or that nobody committed."""
        try:
            if self._small > MANY_FILES:
                self._small = 0
                self._join_small_files()
            if time.monotonic() - self._swept > SWEEP_SECONDS:
                self._swept = time.monotonic()
                # In full: the files of tasks that died are in no log.
                self.table.vacuum(self._kept_hours, dry_run=False, enforce_retention_duration=False, full=True)
        except (DeltaError, OSError) as error:
            # The rows are safe; it is tried again when there are as many files more, or after the same time. The
            # rejects have two writers in one job: the other one may just have joined their files.
            print(f"{self.target.path} was not tidied: {str(error).partition(chr(10))[0]}", file=sys.stderr)
            self.table.update_incremental()

    def _join_small_files(self) -> None:
        properties = WriterProperties(compression="ZSTD")
        self.table.optimize.compact(self._joined, target_size=JOINED_BYTES, writer_properties=properties)
        self._small = self._small_files()

    def _small_files(self) -> int:
        return sum(size < SMALL_BYTES for size in pa.table(self.table.get_add_actions())["size_bytes"].to_pylist())


def add_action(facts: FileFacts, partition: Mapping[str, str] | None = None) -> AddAction:
    """Return a new file as an entry of a table's log."""
    return AddAction(facts["file"], facts["size"], dict(partition or {}), _now_ms(), True, facts["stats"])


def _now_ms() -> int:
    return round(1000 * time.time())
