"""Messages that a driver itself sends: a few at a time, at once, and known to be in Kafka."""

import contextlib
import threading
from collections.abc import Sequence

from kafka import KafkaProducer
from kafka.errors import KafkaError

from arus import home
from arus.connecting import connect, said
from arus.errors import ArusError

BROKER_SECONDS = 30.0
DELIVERY_SECONDS = 120.0
Message = tuple[str, str]


class Outbox:
    """A connection to Kafka, made at the first message; a Spark job for each handful would take ten times as long."""

    def __init__(self, *topics: str) -> None:
        self._topics = topics
        self._producer: KafkaProducer | None = None
        self._lock = threading.Lock()

    def send(self, topic: str, messages: Sequence[Message]) -> None:
        """Send messages (key, value) and wait until Kafka has all of them; ArusError where it does not take one."""
        if not messages:
            return
        with self._lock:
            producer = self._producer or connect(self._topics, BROKER_SECONDS, DELIVERY_SECONDS, linger_ms=0)
            self._producer = producer
        try:
            futures = [producer.send(topic, value.encode(), key.encode()) for key, value in messages]
            producer.flush(DELIVERY_SECONDS)
            for future in futures:
                future.get(timeout=DELIVERY_SECONDS)
        except KafkaError as error:
            self._give_up(producer)
            raise ArusError(
                f"Kafka at {home.bootstrap_servers()} did not take a message for {topic} ({said(error)}): "
                "see `python -m arus broker status`"
            ) from error

    def _give_up(self, failed: KafkaProducer) -> None:
        """Close a producer that has failed, which may be of no more use; the next message makes another."""
        with self._lock:
            self._producer = None if self._producer is failed else self._producer
        with contextlib.suppress(KafkaError):
            failed.close(timeout=0)
