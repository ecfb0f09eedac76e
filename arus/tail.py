"""python -m arus tail TOPIC: every message of a topic as it comes, a line each, safe to show on a terminal."""

import argparse
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from arus.errors import ArusError
from arus.home import bootstrap_servers
from arus.text import printable, readable
from arus.topics import CONNECT_SECONDS, kafka_errors_as_a_line

if TYPE_CHECKING:
    from kafka import KafkaConsumer
    from kafka.consumer.fetcher import ConsumerRecord

POLL_MS = 200


def line(record: "ConsumerRecord") -> str:
    """Return one message as a line: local time of its Kafka timestamp, partition@offset, key, value, headers."""
    at = datetime.fromtimestamp(record.timestamp / 1000).astimezone()
    clock = at.strftime("%H:%M:%S.") + f"{record.timestamp % 1000:03d}"
    headers = " ".join(f"{printable(name)}={readable(value)}" for name, value in record.headers)
    parts = [clock, f"{record.partition}@{record.offset}", readable(record.key), readable(record.value)]
    return "  ".join([*parts, f"[{headers}]"] if headers else parts)


def tail(topic: str, from_beginning: bool, count: float, seconds: float) -> None:
    """Print the topic's messages until `count` were shown or `seconds` have passed; no consumer group is used."""
    deadline = time.monotonic() + seconds
    with following(topic, from_beginning) as consumer:
        while count > 0 and time.monotonic() < deadline:
            polled = consumer.poll(timeout_ms=POLL_MS)
            records = sorted((r for batch in polled.values() for r in batch), key=lambda record: record.timestamp)
            for record in records:
                if count <= 0:
                    break
                print(line(record), flush=True)
                count -= 1


@contextmanager
def following(topic: str, from_beginning: bool) -> Iterator["KafkaConsumer"]:
    from kafka import KafkaConsumer, TopicPartition

    with kafka_errors_as_a_line():
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


def main(argv: list[str]) -> int:
    """Show the messages; Ctrl-C is the usual end, and a good one."""
    parser = argparse.ArgumentParser(prog="python -m arus tail", description=__doc__)
    parser.add_argument("topic")
    parser.add_argument("--from-beginning", action="store_true", help="first what the topic holds already")
    parser.add_argument("--count", type=int, default=math.inf, help="stop after this many messages")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop after this many seconds")
    options = parser.parse_args(argv)
    try:
        tail(options.topic, options.from_beginning, options.count, options.seconds)
    except KeyboardInterrupt:
        print()
    return 0
