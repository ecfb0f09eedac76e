"""A Kafka producer for topics that exist, once the broker answers."""

import contextlib
import logging
import time
from collections.abc import Sequence

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from arus import home
from arus.errors import ArusError
from arus.ping import addresses, is_open, kafka_remedy, kafka_wait
from arus.progress import said_if_slow

RETRY_SECONDS = 0.2
# The default of 30 s would leave a broker that has come back unnoticed for as long.
RECONNECT_MS = 1000
REQUEST_MS = 30_000
BATCH_BYTES = 256 * 1024


def connect(topics: Sequence[str], broker_timeout: float, delivery_timeout: float, linger_ms: int) -> KafkaProducer:
    """Return an idempotent producer for topics that exist; raise ArusError if no broker answers in time (seconds)."""
    # What kafka-python logs at every retry would bury the line that counts.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    deadline = time.monotonic() + broker_timeout
    try:
        with said_if_slow(kafka_wait(broker_timeout)):
            _await_port(deadline)
            _check_topics(topics, deadline)
            return _make_producer(topics, deadline, int(delivery_timeout * 1000), linger_ms)
    except (KafkaError, TimeoutError) as error:
        raise ArusError(
            f"Kafka at {home.bootstrap_servers()} did not answer within {broker_timeout:g} s ({said(error)}): "
            f"{kafka_remedy()}"
        ) from error


def said(error: Exception) -> str:
    """Return an error as one line: its class and what it says."""
    text = " ".join(" ".join(str(part) for part in error.args if part is not None).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _await_port(deadline: float) -> None:
    # kafka-python could wait by itself, but leaves its sockets open when it gives up.
    while not any(is_open(address) for address in addresses()):
        if time.monotonic() > deadline:
            raise TimeoutError("nobody listens there")
        time.sleep(RETRY_SECONDS)


def _check_topics(topics: Sequence[str], deadline: float) -> None:
    client = KafkaAdminClient(
        bootstrap_servers=home.bootstrap_servers(),
        bootstrap_timeout_ms=_left_ms(deadline),
        reconnect_backoff_max_ms=RECONNECT_MS,
    )
    with contextlib.closing(client) as admin:
        there = admin.list_topics()
    for topic in topics:
        if topic not in there:
            raise ArusError(f"topic {topic} does not exist: run python -m arus topics create")


def _make_producer(topics: Sequence[str], deadline: float, delivery_ms: int, linger_ms: int) -> KafkaProducer:
    producer = KafkaProducer(
        bootstrap_servers=home.bootstrap_servers(),
        bootstrap_timeout_ms=_left_ms(deadline),
        allow_auto_create_topics=False,
        delivery_timeout_ms=delivery_ms,
        # A request that gets no answer is tried again within the delivery timeout.
        request_timeout_ms=min(REQUEST_MS, delivery_ms // 2),
        max_block_ms=delivery_ms,
        reconnect_backoff_max_ms=RECONNECT_MS,
        linger_ms=linger_ms,
        batch_size=BATCH_BYTES,
        metrics_enabled=False,
    )
    for topic in topics:
        producer.partitions_for(topic)
    return producer


def _left_ms(deadline: float) -> int:
    return max(1000, int((deadline - time.monotonic()) * 1000))
