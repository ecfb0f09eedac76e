"""python -m arus tail TOPIC: every message of a topic as it comes, a line each, safe to show on a terminal."""

import argparse
import json
import math
import sys
import time
from datetime import date, datetime
from typing import TYPE_CHECKING

from arus.base.times import FAR, instant
from arus.kafka.following import following
from arus.producing import at_least
from arus.text import number_of, printable, readable

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
