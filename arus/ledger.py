"""What makes foreachBatch exactly once: which micro-batches of a query a Delta table has already."""

import json
from collections.abc import Iterable
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

# Where the newest commit of a query nearly always is.
RECENT_COMMITS = 20
NONE = -1


class Ledger:
    """The newest batch of a query in each of its tables: read from the table's log before the first write, then kept.

    It may be kept because a table has one writer at a time (arus/locks.py), and a restarted query begins with a new
    ledger.
    """

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}

    def append(self, rows: DataFrame, path: str, batch_id: int) -> bool:
        """Append a micro-batch, unless the table has it; its query and number are in the same commit as its rows."""
        query_id = running_query(rows.sparkSession)
        if path not in self._newest:
            self._newest[path] = newest_batch(rows.sparkSession, path, query_id)
        if batch_id <= self._newest[path]:
            return False
        rows.write.format("delta").mode("append").option("userMetadata", note(query_id, batch_id)).save(path)
        self._newest[path] = batch_id
        return True


def running_query(spark: SparkSession) -> str:
    """Return the id of the query that this foreachBatch belongs to."""
    query_id = spark.sparkContext.getLocalProperty("sql.streaming.queryId")
    if not query_id:
        raise RuntimeError("a batch is known by its query and number: this belongs inside foreachBatch")
    return str(query_id)


def note(query_id: str, batch_id: int) -> str:
    return json.dumps({"query": query_id, "batch": batch_id})


def newest_batch(spark: SparkSession, path: str, query_id: str) -> int:
    """Return the number of the query's newest batch in the table, from the table's log; NONE where there is none."""
    table = DeltaTable.forPath(spark, path)
    recent = table.history(RECENT_COMMITS)
    begins_at = recent.agg(F.min("version")).first()
    found = _newest_in(recent, query_id)
    if found == NONE and begins_at and begins_at[0] > 0:
        return _newest_in(table.history(), query_id)
    return found


def _newest_in(commits: DataFrame, query_id: str) -> int:
    is_ours = F.get_json_object("userMetadata", "$.query") == query_id
    batch = F.get_json_object("userMetadata", "$.batch").try_cast("bigint")
    row = commits.where(is_ours).agg(F.max(batch)).first()
    return NONE if row is None or row[0] is None else int(row[0])


def newest_noted(commits: Iterable[dict[str, Any]], query_id: str) -> int:
    """Return the same of commits that were read without Spark."""
    noted = (json.loads(commit.get("userMetadata") or "{}") for commit in commits)
    return max((int(found["batch"]) for found in noted if found.get("query") == query_id), default=NONE)


def newest_without_spark(table: Any, query_id: str) -> int:
    """Return the same of a table that `deltalake` has opened."""
    recent = newest_noted(table.history(RECENT_COMMITS), query_id)
    return recent if recent != NONE else newest_noted(table.history(), query_id)
