"""Sends uploads to Kafka, by one producer of each process, made when it is first needed and anew after a failure."""

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from arus import home
from arus.connecting import connect, said
from arus.errors import ArusError
from arus.image_files import CONTENT_TYPES
from arus.ping import addresses, is_open
from arus.schemas import IMAGE_UPLOAD
from server.store import Upload, original

CONNECT_SECONDS = 5.0
# From the first message of a request until Kafka has acknowledged the last.
SEND_SECONDS = 5.0
CLOSE_SECONDS = 2.0
# Nobody else is made to wait for a Kafka that was found to be away just now.
AWAY_SECONDS = 1.0
LINGER_MS = 1
# A larger upload is named, not sent: broker, JVM and Python worker would each copy it, where one read is enough.
MOST_SENT_BYTES = 64 * 1024


class Unavailable(Exception):  # noqa: N818
    """Kafka cannot be reached; says what to do."""


class Queue:
    """The topic `image-upload`; threads may share it, and a process that was forked makes its own connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._producer: KafkaProducer | None = None
        self._pid = os.getpid()
        self._away_until = 0.0
        self._why = ""

    def check(self) -> None:
        """Raise Unavailable where Kafka was away a moment ago."""
        if time.monotonic() < self._away_until:
            raise Unavailable(self._why)

    def send(self, uploads: Sequence[Upload]) -> list[Upload]:
        """Send uploads, all at once; return those that Kafka has. Raises Unavailable where it has none of them."""
        producer = self._connected()
        futures, deadline, why = [], time.monotonic() + SEND_SECONDS, ""
        taken = []
        try:
            for upload in uploads:
                futures.append(producer.send(IMAGE_UPLOAD, **message(upload)))
            for upload, future in zip(uploads, futures, strict=True):
                future.get(timeout=max(0.0, deadline - time.monotonic()))
                taken.append(upload)
        except KafkaError as error:
            why = f"Kafka did not take the upload ({said(error)}): see python -m arus broker status"
            self._forget(producer, why)
            taken = [upload for upload, future in zip(uploads, futures, strict=False) if future.succeeded()]
        if not taken:
            raise Unavailable(why)
        return taken

    def close(self) -> None:
        if self._producer and self._pid == os.getpid():
            _end(self._producer)
        self._producer = None

    def _connected(self) -> KafkaProducer:
        with self._lock:
            self.check()
            if self._producer is None or self._pid != os.getpid():
                self._producer = self._new_producer()
                self._pid = os.getpid()
            return self._producer

    def _new_producer(self) -> KafkaProducer:
        try:
            # connect would wait for somebody to listen.
            if not any(is_open(address) for address in addresses()):
                raise ArusError(f"nobody listens at {home.bootstrap_servers()}: python -m arus broker start")
            return connect([IMAGE_UPLOAD], CONNECT_SECONDS, SEND_SECONDS, LINGER_MS)
        except ArusError as error:
            self._mark_away(str(error))
            raise Unavailable(str(error)) from error

    def _forget(self, producer: KafkaProducer, why: str) -> None:
        """Drop what a producer has not sent yet: an upload that was refused must not arrive later."""
        with self._lock:
            if self._producer is not producer:
                return
            self._producer = None
            self._mark_away(why)
        _end(producer)

    def _mark_away(self, why: str) -> None:
        self._why = why
        self._away_until = time.monotonic() + AWAY_SECONDS


def message(upload: Upload) -> dict[str, Any]:
    """Return key, value and headers of an upload; a large one is named, not sent."""
    headers = {"filename": upload.filename, "content-type": CONTENT_TYPES[upload.format]}
    value = b""
    if upload.bytes <= MOST_SENT_BYTES:
        value = original(upload).read_bytes()
    else:
        headers["file"] = upload.file_name
    sent = [(name, text.encode()) for name, text in headers.items()]
    return {"key": upload.id.encode(), "value": value, "headers": sent}


def _end(producer: KafkaProducer) -> None:
    # close() would first flush, and raise instead of closing; only this drops what is still queued.
    producer._sender.force_close()
    producer._sender.join(CLOSE_SECONDS)
    with contextlib.suppress(KafkaError):
        producer.close(timeout=CLOSE_SECONDS)
