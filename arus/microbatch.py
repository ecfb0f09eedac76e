"""The micro-batch that a foreachBatch is in, as Spark runs it: its watermarks, its offsets, the rows that it dropped.

Spark 4.2 has no public word for these; tests/e2e/test_warehouse_monitor.py tells when the inner names change.
"""

import json
from typing import Any

from pyspark.sql import SparkSession

from arus.ledger import running_query

NO_WATERMARK = 0


class MicroBatch:
    """What Spark's own log of the running query says of one of its micro-batches."""

    def __init__(self, spark: SparkSession, batch_id: int) -> None:
        self.query_id = running_query(spark)
        streams: Any = spark._jsparkSession.streams()
        self._query = streams.get(self.query_id).streamingQuery()
        self._before, self._own = (self._logged(number) for number in (batch_id - 1, batch_id))

    @property
    def late_until_ms(self) -> int:
        """The watermark (epoch milliseconds) that this batch drops by: rows at or before it are late."""
        return _watermark(self._before)

    @property
    def watermark_ms(self) -> int:
        """The watermark (epoch milliseconds) that this batch ends state by, and the next one drops by."""
        return _watermark(self._own)

    @property
    def starting_offsets(self) -> str:
        """Where in Kafka the batch begins, as the option startingOffsets takes it."""
        return _offsets(self._before)

    @property
    def ending_offsets(self) -> str:
        return _offsets(self._own)

    def records(self, topics: tuple[str, ...]) -> int:
        """Return how many records of the topics the batch has; those before the log's first entry are not known."""
        begin, end = (json.loads(text or "{}") for text in (self.starting_offsets, self.ending_offsets))
        return sum(
            offset - begin.get(topic, {}).get(partition, 0)
            for topic in topics
            for partition, offset in end.get(topic, {}).items()
        )

    def dropped(self) -> int:
        """Return how many rows the stateful operators have dropped as late; known once the batch has been computed."""
        return _dropped(self._query.lastExecution().executedPlan())

    def _logged(self, batch_id: int) -> Any:
        found = self._query.offsetLog().get(batch_id)
        return found.get() if found.isDefined() else None


def _watermark(logged: Any) -> int:
    return int(logged.metadataOpt().get().batchWatermarkMs()) if logged else NO_WATERMARK


def _offsets(logged: Any) -> str:
    return str(logged.offsets().apply(0).get().json()) if logged else ""


def _dropped(plan: Any) -> int:
    metric = plan.metrics().get("numRowsDroppedByWatermark")
    children = plan.children()
    own = int(metric.get().value()) if metric.isDefined() else 0
    return own + sum(_dropped(children.apply(place)) for place in range(children.size()))
