"""No alert a second time after an orderly stop.

Spark checkpoints a Real-time batch at its end only, and a batch cannot be cut short: a stop throws
its progress away, and the next start reads its records again. What was sent of them by then is in
the topic, so the next start looks there for the last alert of each partition that was read, and
drops what comes up to that.

An alert's id is its record's topic-partition-offset. A partition's records become alerts in their
order, and Kafka keeps the order of what one producer sends to one partition: all alerts up to the
last one are there. Each carries the id of the run that sent it, so that nobody else's counts. After
a crash nothing is dropped.
"""

import json
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from arus import checkpoints, home
from arus.job import Job
from arus.kafka.following import following
from arus.kafka_io import RUN_HEADER
from arus.whole_files import write_atomically

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition

# "topic-partition" of what was read -> the offset of its last record that is known to have become
# an alert.
Sent = dict[str, int]
# Where the alerts' topic ended, by partition.
Ends = dict[str, int]
ALERT_ID = re.compile(r"(.+-\d{1,9})-(\d{1,18})")
# Alerts of a partition that are looked through: more than a Real-time batch usually sends.
MOST_LOOKED_AT = 50_000
POLL_MS = 500
LOOK_SECONDS = 30.0


@dataclass(frozen=True)
class Note:
    """What a run leaves beside its query's checkpoint (of which it has the id) for the next one.

    `sent` was there when it began, its own alerts came after `since`; `is_orderly`: it has ended in
    order.
    """

    run: str
    checkpoint: str | None
    sent: Sent = field(default_factory=dict)
    since: Ends = field(default_factory=dict)
    is_orderly: bool = False


class Run(NamedTuple):
    """A run of a query: the id that its alerts carry, and what earlier runs have sent."""

    id: str
    sent: Sent


def begin(job: Job, query: str, topic: str) -> Run:
    """Return the run that begins, and note when its query has ended in order; the query is not started yet."""
    run = Run(secrets.token_hex(4), {})
    if not home.local_store():
        return run
    checkpoint = Path(job.checkpoint(query))
    file = checkpoint.with_name(f"{query}.sent.json")
    before = read(file, checkpoints.id_of(checkpoint))
    with following(topic, from_beginning=False) as consumer:
        ends = consumer.end_offsets(consumer.assignment())
        last = last_sent(alert_ids(consumer, before), len(ends)) if before else {}
    if before:
        run = run._replace(sent=before.sent | (last if before.is_orderly else {}))
        if not before.is_orderly and (again := repeated(last, run.sent, checkpoints.committed(checkpoint))):
            print(f"{job.name}.{query}: the last run was cut off: alerts of {again} come again, with the same ids")
    since = {str(partition.partition): offset for partition, offset in ends.items()}

    def note(is_orderly: bool) -> None:
        write(file, Note(run.id, checkpoints.id_of(checkpoint), run.sent, since, is_orderly))

    note(is_orderly=False)
    job.at_orderly_end[f"{job.name}.{query}"] = lambda: note(is_orderly=True)
    return run


def without(alerts: DataFrame, sent: Sent) -> DataFrame:
    """Return the alerts of records that lie behind those that were sent."""
    for place, offset in sent.items():
        topic, _, partition = place.rpartition("-")
        is_of_it = (F.col("topic") == topic) & (F.col("partition") == int(partition))
        alerts = alerts.where(~(is_of_it & (F.col("offset") <= offset)))
    return alerts


def last_sent(alerts: Iterable[tuple[int, str]], partitions: int) -> Sent:
    """Return up to where alerts are there for sure, of alert ids in the order of the topic's so many partitions.

    The last one in that order counts, not the highest: a query that began again is only as far as
    it came then. What is not in each of the partitions may be missing in one.
    """
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for partition, alert_id in alerts:
        if match := ALERT_ID.fullmatch(alert_id):
            found[match[1]][partition] = int(match[2])
    return {place: min(offsets.values()) for place, offsets in found.items() if len(offsets) == partitions}


def repeated(last: Sent, sent: Sent, done: Mapping[str, Mapping[str, int]]) -> str:
    """Return in words which records' alerts come again, where a query goes on from the offsets `done`."""
    parts = []
    for place, offset in sorted(last.items()):
        topic, _, partition = place.rpartition("-")
        first = max(done.get(topic, {}).get(partition, 0), sent.get(place, -1) + 1)
        if first <= offset:
            parts.append(f"{topic} partition {partition} offsets {first:,} to {offset:,}")
    return "; ".join(parts)


def read(note: Path, checkpoint: str | None) -> Note | None:
    """Return what the last run noted; None where it noted nothing, or the checkpoint is another one now."""
    try:
        found = Note(**json.loads(note.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return found if checkpoint and found.checkpoint in (checkpoint, None) else None


def write(note: Path, content: Note) -> None:
    note.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(note, json.dumps(asdict(content)))


def alert_ids(consumer: "KafkaConsumer", before: Note) -> Iterator[tuple[int, str]]:
    """Yield partition and id of the alerts that a run has sent, each partition's in its order.

    ArusError of Kafka's where they do not come in time: to have seen a part would prove nothing.
    """
    from kafka.errors import KafkaTimeoutError

    partitions = sorted(consumer.assignment())
    begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    for each in partitions:
        first = max(begins[each], ends[each] - MOST_LOOKED_AT, before.since.get(str(each.partition), 0))
        consumer.seek(each, min(first, ends[each]))
    deadline = time.monotonic() + LOOK_SECONDS
    while _is_behind(consumer, ends):
        if time.monotonic() > deadline:
            raise KafkaTimeoutError(f"the last alerts were not read within {LOOK_SECONDS:.0f} s")
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            for record in records:
                if (RUN_HEADER, before.run.encode()) in record.headers:
                    yield record.partition, _alert_id(record.value)


def _is_behind(consumer: "KafkaConsumer", ends: "Mapping[TopicPartition, int]") -> bool:
    return any(consumer.position(partition) < end for partition, end in ends.items())


def _alert_id(value: bytes | None) -> str:
    try:
        return str(json.loads(value or b"")["alert_id"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
