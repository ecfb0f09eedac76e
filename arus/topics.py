"""python -m arus topics create|list: the suite's topics, made explicitly, and what they hold."""

import argparse
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from arus.errors import ArusError
from arus.home import bootstrap_servers
from arus.ping import addresses, is_open, kafka_remedy, kafka_wait
from arus.progress import said_if_slow
from arus.schemas import TOPICS
from arus.text import number_of

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

CONNECT_SECONDS = 10
POLL_MS = 500
MOST_COPIES = 3

# By partition: the first offset that is still kept, and the next one to be given.
Extent = dict[int, tuple[int, int]]


class Topic(NamedTuple):
    name: str
    partitions: int
    messages: int


def create() -> list[str]:
    """Create every topic of arus.schemas.TOPICS that is not there yet; return a line on each."""
    with _admin() as admin:
        there = _partition_counts(admin)
        missing = {name: count for name, count in TOPICS.items() if name not in there}
        copies = min(MOST_COPIES, len(admin.describe_cluster()["brokers"]))
        made = _create(admin, missing, copies)
    return [made[name] if name in made else _kept(name, there[name]) for name in TOPICS]


def topics() -> list[Topic]:
    """Return every topic that is not Kafka's own, by name; messages are those still kept: end less start offsets."""
    with _admin() as admin:
        found = _extents(admin, _partition_counts(admin))
    return [Topic(name, len(of), sum(end - start for start, end in of.values())) for name, of in sorted(found.items())]


def extents(names: Collection[str]) -> dict[str, Extent]:
    """Return what Kafka keeps of those of the topics that are there."""
    with _admin() as admin:
        counts = _partition_counts(admin)
        return _extents(admin, {name: count for name, count in counts.items() if name in names})


def count_records(topic: str, partition: int, offsets: Sequence[int]) -> int:
    """Return at how many of the offsets (some, in order) the partition has a record that a reader gets.

    At the others are marks of transactions, or what an aborted or unfinished one has left.
    """
    from kafka import KafkaConsumer, TopicPartition

    where, wanted, count = TopicPartition(topic, partition), set(offsets), 0
    with kafka_errors_as_a_line():
        consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers(), isolation_level="read_committed")
        try:
            consumer.assign([where])
            consumer.seek(where, offsets[0])
            # Behind an unfinished transaction nothing comes.
            end = time.monotonic() + CONNECT_SECONDS
            while consumer.position(where) <= offsets[-1] and time.monotonic() < end:
                if polled := consumer.poll(timeout_ms=POLL_MS):
                    end = time.monotonic() + CONNECT_SECONDS
                    count += sum(record.offset in wanted for records in polled.values() for record in records)
        finally:
            consumer.close()
    return count


def partitions(name: str) -> int:
    """Return how many partitions a topic has; ArusError where it is not there."""
    with _admin() as admin:
        counts = _partition_counts(admin)
    if name not in counts:
        raise ArusError(f"no topic {name} at {bootstrap_servers()}: `python -m arus topics create`")
    return counts[name]


@contextmanager
def kafka_errors_as_a_line() -> Iterator[None]:
    """Turn kafka-python's errors into one line with the remedy, and keep its log of every retry off the terminal."""
    from kafka.errors import KafkaError

    # kafka-python would try for as long as it may; a closed port is known at once.
    if not any(is_open(address) for address in addresses()):
        raise ArusError(f"nobody answers at {bootstrap_servers()}: {kafka_remedy()}")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        yield
    except KafkaError as error:
        reason = " ".join(str(error).split())
        raise ArusError(
            f"the Kafka at {bootstrap_servers()} did not do it ({reason}): see `python -m arus broker status` "
            "and KAFKA_BOOTSTRAP_SERVERS"
        ) from error


@contextmanager
def _admin() -> Iterator["KafkaAdminClient"]:
    from kafka import KafkaAdminClient

    with said_if_slow(kafka_wait(CONNECT_SECONDS)), kafka_errors_as_a_line():
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap_servers(),
            bootstrap_timeout_ms=CONNECT_SECONDS * 1000,
            request_timeout_ms=CONNECT_SECONDS * 1000,
        )
        try:
            yield admin
        finally:
            admin.close()


def _partition_counts(admin: "KafkaAdminClient") -> dict[str, int]:
    return {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics() if not topic["is_internal"]}


def _create(admin: "KafkaAdminClient", missing: dict[str, int], copies: int) -> dict[str, str]:
    from kafka.errors import TopicAlreadyExistsError, for_code

    if not missing:
        return {}
    wanted = {name: {"num_partitions": count, "replication_factor": copies} for name, count in missing.items()}
    answers = admin.create_topics(wanted, raise_errors=False)["topics"]
    lines = {}
    for answer in answers:
        error = for_code(answer["error_code"])
        # Someone else's `create` may have been a moment quicker.
        if answer["error_code"] and error is not TopicAlreadyExistsError:
            raise error(f"topic {answer['name']}: {answer['error_message'] or error.__name__}")
        name = answer["name"]
        made = f"created, {number_of(missing[name], 'partition')}"
        lines[name] = f"{name}: {'exists' if answer['error_code'] else made}"
    admin.wait_for_topics(list(missing))
    return lines


def _kept(name: str, partitions: int) -> str:
    if partitions == TOPICS[name]:
        return f"{name}: exists"
    there = number_of(partitions, "partition")
    return f"{name}: exists with {there} instead of {TOPICS[name]}; left as it is"


def _extents(admin: "KafkaAdminClient", counts: dict[str, int]) -> dict[str, Extent]:
    from kafka import TopicPartition
    from kafka.admin import OffsetSpec

    partitions = [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]
    starts = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
    ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    found: dict[str, Extent] = {name: {} for name in counts}
    for partition in partitions:
        found[partition.topic][partition.partition] = starts[partition].offset, ends[partition].offset
    return found


def main(argv: list[str]) -> int:
    """Create the suite's topics, or list what the Kafka holds."""
    parser = argparse.ArgumentParser(prog="python -m arus topics", description=__doc__)
    verb = "create: make those that are missing; list: how many partitions and messages each has"
    parser.add_argument("verb", choices=["create", "list"], help=verb)
    if parser.parse_args(argv).verb == "create":
        print("\n".join(create()))
    else:
        _show(topics())
    return 0


def _show(found: list[Topic]) -> None:
    missing = sorted(TOPICS.keys() - {topic.name for topic in found})
    width = max(len(name) for name in [*TOPICS, *(topic.name for topic in found)])
    print(f"{'topic':<{width}}  partitions    messages")
    for topic in found:
        print(f"{topic.name:<{width}}  {topic.partitions:>10}  {topic.messages:>10,}")
    if missing:
        print(f"not there: {', '.join(missing)}; `python -m arus topics create` makes them")
