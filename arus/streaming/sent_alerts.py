"""No alert a second time after an orderly stop.

Spark checkpoints a Real-time batch at its end only, and a batch cannot be cut short: a stop throws its progress away,
and the next start reads its records again. What was sent of them by then is in the topic, so the next start looks there
for the last alert of each partition that was read, and drops what comes up to that.

An alert's id is its record's topic-partition-offset. A partition's records become alerts in their order, and Kafka
keeps the order of what one producer sends to one partition: all alerts up to the last one are there. After a crash
(a send may have failed in the midst) nothing is dropped.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from arus import checkpoints, home
from arus.errors import ArusError
from arus.topics import CONNECT_SECONDS, kafka_errors_as_a_line
from arus.whole_files import write_atomically

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition

    from arus.job import Job

# "topic-partition" of what was read -> the offset of its last record that is known to have become an alert.
Sent = dict[str, int]
# Alerts of a partition that are looked through: more than a Real-time batch usually sends.
MOST_LOOKED_AT = 50_000
POLL_MS = 1000


class SentAlerts:
    """What earlier runs of a query have sent; made before the query, it drops that from what the query sends."""

    def __init__(self, job: "Job", query: str, topic: str) -> None:
        self.sent: Sent = {}
        if not (store := home.local_store()):
            print(f"{job.name}.{query}: alerts since the last checkpoint come again: it is not on this machine")
            return
        self._note = store / "checkpoints" / job.name / f"{query}.sent.json"
        self._note.parent.mkdir(parents=True, exist_ok=True)
        before = _read(self._note)
        self.sent = dict(before["sent"])
        with kafka_errors_as_a_line(), closing(_consumer()) as consumer:
            partitions = _partitions(consumer, topic)
            last = last_sent(_alert_ids(consumer, partitions, before["since"]), len(partitions))
            ends = consumer.end_offsets(partitions)
        if before["is_orderly"]:
            self.sent |= last
        elif again := repeated(last, checkpoints.committed(Path(job.checkpoint(query)))):
            print(f"{job.name}.{query}: the last run was cut off: alerts of {again} come again, with the same ids")
        self._since = {str(partition.partition): offset for partition, offset in ends.items()}
        self._write(is_orderly=False)
        job.at_orderly_end.append(lambda: self._write(is_orderly=True))

    def dropped_from(self, alerts: DataFrame) -> DataFrame:
        """Return the alerts (with topic, partition, offset of their records) without those that were sent before."""
        for place, offset in self.sent.items():
            topic, _, partition = place.rpartition("-")
            is_of_it = (F.col("topic") == topic) & (F.col("partition") == int(partition))
            alerts = alerts.where(~(is_of_it & (F.col("offset") <= offset)))
        return alerts

    def _write(self, is_orderly: bool) -> None:
        found = {"sent": self.sent, "since": self._since, "is_orderly": is_orderly}
        write_atomically(self._note, json.dumps(found))


def last_sent(alerts: Iterable[tuple[int, str]], partitions: int) -> Sent:
    """Return up to where alerts are there for sure, of alert ids in the order of the topic's so many partitions.

    The last one in that order counts, not the highest: a query that began again is only as far as it came then. What is
    not in each of the partitions may be missing in one.
    """
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for partition, alert_id in alerts:
        place, _, offset = alert_id.rpartition("-")
        if place.rpartition("-")[2].isdecimal() and offset.isdecimal():
            found[place][partition] = int(offset)
    return {place: min(offsets.values()) for place, offsets in found.items() if len(offsets) == partitions}


def repeated(last: Sent, done: Mapping[str, Mapping[str, int]]) -> str:
    """Return in words which records' alerts come again, where a query goes on from the offsets `done`."""
    parts = []
    for place, offset in sorted(last.items()):
        topic, _, partition = place.rpartition("-")
        if (first := done.get(topic, {}).get(partition, 0)) <= offset:
            parts.append(f"{topic} partition {partition} offsets {first:,} to {offset:,}")
    return "; ".join(parts)


def _read(note: Path) -> dict[str, Any]:
    """Return what the last run noted; where it noted nothing, it is not known to have stopped in order."""
    try:
        found: dict[str, Any] = json.loads(note.read_text())
    except (OSError, ValueError):
        return {"sent": {}, "since": {}, "is_orderly": False}
    return found


def _consumer() -> "KafkaConsumer":
    from kafka import KafkaConsumer

    return KafkaConsumer(
        bootstrap_servers=home.bootstrap_servers(),
        bootstrap_timeout_ms=CONNECT_SECONDS * 1000,
        allow_auto_create_topics=False,
        enable_auto_commit=False,
        isolation_level="read_committed",
    )


def _partitions(consumer: "KafkaConsumer", topic: str) -> "list[TopicPartition]":
    from kafka import TopicPartition

    if topic not in consumer.topics():
        raise ArusError(f"there is no topic {topic}: `python -m arus topics create`")
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]


def _alert_ids(
    consumer: "KafkaConsumer", partitions: "list[TopicPartition]", since: Mapping[str, int]
) -> Iterator[tuple[int, str]]:
    """Yield partition and id of the topic's last alerts, those from `since` on, each partition's in its order."""
    consumer.assign(partitions)
    begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    left = []
    for each in partitions:
        first = max(begins[each], ends[each] - MOST_LOOKED_AT, since.get(str(each.partition), 0))
        consumer.seek(each, min(first, ends[each]))
        left += [each] if first < ends[each] else []
    while left and (polled := consumer.poll(timeout_ms=POLL_MS)):
        for records in polled.values():
            yield from ((record.partition, _alert_id(record.value)) for record in records)
        left = [each for each in left if consumer.position(each) < ends[each]]


def _alert_id(value: bytes | None) -> str:
    try:
        return str(json.loads(value or b"")["alert_id"])
    except (ValueError, LookupError, TypeError):
        return ""
