"""A consumer of one topic, for those who look and take nothing away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from arus.errors import ArusError
from arus.home import bootstrap_servers
from arus.ping import kafka_wait
from arus.progress import said_if_slow
from arus.text import printable
from arus.topics import CONNECT_SECONDS, kafka_errors_as_a_line

if TYPE_CHECKING:
    from kafka import KafkaConsumer


@contextmanager
def following(topic: str, from_beginning: bool) -> Iterator["KafkaConsumer"]:
    """Yield a consumer that stands at the topic's beginning or end; no consumer group is used.

    ArusError where no Kafka answers, or the topic is not there.
    """
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
    # A seek is done at the next poll: asking where it led does it now, so that nothing sent from
    # here on is missed.
    for partition in consumer.assignment():
        consumer.position(partition)
