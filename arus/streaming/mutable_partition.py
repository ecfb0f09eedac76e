"""The part of a Delta table that may still change, replaced as a whole by each micro-batch, with what has settled.

Written by `deltalake` from the driver: Spark takes half a second and more to replace a few thousand rows.
"""

import pyarrow as pa
import pyarrow.compute as pc

from arus.streaming.table_writer import TableWriter, add_action
from arus.streaming.task_rows import Target, write_file

# Each micro-batch leaves a file behind: there would be thousands in a day.
KEPT_HOURS = 1


class MutablePartition:
    """Rows with `settled = false` of a table that is partitioned by `settled`."""

    def __init__(self, path: str, query_id: str) -> None:
        self._writer = TableWriter(path, query_id, KEPT_HOURS, [("settled", "=", "true")])
        columns = [column for column in self._writer.target.schema if column.name != "settled"]
        self._stored = Target(path, pa.schema(columns))

    def rows(self) -> pa.Table:
        """Return the rows that may still change."""
        return self._writer.table.to_pyarrow_table(filters=[("settled", "=", False)])

    def has(self, batch_id: int) -> bool:
        """Return whether the table has this micro-batch already: from before a crash."""
        return self._writer.has(batch_id)

    def replace(self, rows: pa.Table, batch_id: int) -> bool:
        """Replace the part by the rows, unless the table has this micro-batch already; both in one commit.

        Rows with `settled = true` are added to the rest of the table for good.
        """
        if self.has(batch_id):
            return False
        adds = []
        for value in ("true", "false"):
            part = rows.filter(pc.equal(rows["settled"], value == "true")).drop_columns(["settled"])
            if part.num_rows:
                facts = write_file(self._stored, part.cast(self._stored.schema), f"settled={value}/")
                adds.append(add_action(facts, {"settled": value}))
        filters = [("settled", "=", "false")]
        self._writer.commit(adds, batch_id, "overwrite", partition_by=["settled"], partition_filters=filters)
        return True
