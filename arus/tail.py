"""python -m arus tail TOPIC: every message of a topic as it comes, a line each, safe to show on a terminal."""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING

from arus.base.times import FAR, instant
from arus.errors import ArusError
from arus.home import bootstrap_servers
from arus.ping import kafka_wait
from arus.producing import at_least
from arus.progress import said_if_slow
from arus.text import number_of, printable, readable
from arus.topics import CONNECT_SECONDS, kafka_errors_as_a_line

if TYPE_CHECKING:
    from kafka import KafkaConsumer
    from kafka.consumer.fetcher import ConsumerRecord

POLL_MS = 200
# What a message calls its time, as arus.base.times reads it.
TIME_FIELDS = ("timestamp", "time", "ts")


def line(record: "ConsumerRecord", today: date | None = None) -> str:
    """Return one message as a line: local time in Kafka, partition@offset, key, value, headers.

    Where the value has a time in numbers, the line ends with it on the local clock. Times are dated
    where they are of another day than `today`, if that is given.
    """
    at = clock(instant(record.timestamp / 1000), today)
    place = f"{record.partition}@{record.offset}"
    parts = [at, place, readable(record.key), readable(record.value)]
    headers = " ".join(f"{printable(name)}={readable(value)}" for name, value in record.headers)
    if headers:
        parts.append(f"[{headers}]")
    if read := time_of(record.value):
        parts.append(f"(reading of {clock(read, today)})")
    return "  ".join(parts)


def clock(moment: datetime, today: date | None) -> str:
    """Return a moment as the local clock shows it, to the millisecond, with its date if need be."""
    local = moment.astimezone()
    shown = local.strftime("%H:%M:%S.") + f"{local.microsecond // 1000:03d}"
    return shown if today in (None, local.date()) else f"{local.date()} {shown}"


def time_of(value: bytes | None) -> datetime | None:
    """Return the time that a JSON object gives as a number since 1970; None where it gives none."""
    try:
        found = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    times = [found.get(name) for name in TIME_FIELDS] if isinstance(found, dict) else []
    number = next((time for time in times if type(time) in (int, float)), math.nan)
    try:
        moment = instant(number)
        return None if moment == FAR else moment.astimezone()
    except (ValueError, OverflowError):
        return None


def tail(topic: str, from_beginning: bool, count: float, seconds: float) -> None:
    """Print the topic's messages until `count` were shown or `seconds` have passed; no consumer group is used."""
    deadline = time.monotonic() + seconds
    with following(topic, from_beginning) as consumer:
        said = _what_is_there(consumer, from_beginning)
        print(f"listening to {topic}: {said}; Ctrl-C ends it", file=sys.stderr, flush=True)
        while count > 0 and time.monotonic() < deadline:
            polled = consumer.poll(timeout_ms=POLL_MS)
            records = sorted((r for batch in polled.values() for r in batch), key=lambda record: record.timestamp)
            for record in records:
                if count <= 0:
                    break
                print(line(record, datetime.now().astimezone().date()), flush=True)
                count -= 1


@contextmanager
def following(topic: str, from_beginning: bool) -> Iterator["KafkaConsumer"]:
    from kafka import KafkaConsumer, TopicPartition

    with kafka_errors_as_a_line():
        with said_if_slow(kafka_wait(CONNECT_SECONDS)):
            consumer = KafkaConsumer(
                bootstrap_servers=bootstrap_servers(),
                bootstrap_timeout_ms=CONNECT_SECONDS * 1000,
                allow_auto_create_topics=False,
                enable_auto_commit=False,
                isolation_level="read_committed",
            )
        try:
            numbers = _partitions(consumer, topic)
            consumer.assign([TopicPartition(topic, number) for number in numbers])
            _go_to(consumer, from_beginning)
            yield consumer
        finally:
            consumer.close()


def _partitions(consumer: "KafkaConsumer", topic: str) -> list[int]:
    there = consumer.topics()
    if topic not in there:
        known = ", ".join(sorted(there)) or "none; `python -m arus topics create` makes them"
        raise ArusError(f"there is no topic '{printable(topic)}'; there are: {known}")
    return sorted(consumer.partitions_for_topic(topic))


def _go_to(consumer: "KafkaConsumer", from_beginning: bool) -> None:
    if from_beginning:
        consumer.seek_to_beginning()
    else:
        consumer.seek_to_end()
    # A seek is done at the next poll: asking where it led does it now, so that nothing sent from here on is missed.
    for partition in consumer.assignment():
        consumer.position(partition)


def _what_is_there(consumer: "KafkaConsumer", from_beginning: bool) -> str:
    partitions = consumer.assignment()
    ends, starts = consumer.end_offsets(partitions), consumer.beginning_offsets(partitions)
    count = sum(ends.values()) - sum(starts.values())
    if not count:
        return "no messages so far"
    how = "shown first" if from_beginning else "--from-beginning shows them"
    return f"{number_of(count, 'message')} so far, {how}"


def main(argv: list[str]) -> int:
    """Show the messages; Ctrl-C is the usual end, and a good one."""
    parser = argparse.ArgumentParser(prog="python -m arus tail", description=__doc__)
    add = parser.add_argument
    add("topic", help="such as peringatan-suhu; `python -m arus topics list` shows which there are")
    add("--from-beginning", action="store_true", help="show first what the topic holds already")
    add("--count", type=at_least(0, int), default=math.inf, metavar="N", help="stop after so many")
    add("--seconds", type=at_least(0), default=math.inf, metavar="N", help="stop after N seconds")
    options = parser.parse_args(argv)
    try:
        tail(options.topic, options.from_beginning, options.count, options.seconds)
    except KeyboardInterrupt:
        print()
    return 0
