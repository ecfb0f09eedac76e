"""The one way a producer sends to Kafka.

Every message ends as acknowledged or as failed, and one that failed makes the exit code 1. What waits for the broker is
bounded in number, bytes and seconds, and sending stops at the first failure: no message follows one that was lost.
"""

import contextlib
import math
import signal
import time
from collections import deque
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from kafka.errors import KafkaError, KafkaTimeoutError

from arus import home
from arus.connecting import connect, said
from arus.errors import ArusError
from arus.pace import Pace
from arus.progress import Progress, summary

# kafka-python queues without a limit of its own. 10,000 small messages are half a second of its full speed.
MAX_PENDING = 10_000
MAX_PENDING_BYTES = 32 * 1024 * 1024
BULK_LINGER_MS = 5
STOP_SECONDS = 5.0
GRACE_SECONDS = 2.0
SLICE_SECONDS = 0.1


class Pending(NamedTuple):
    future: Any
    since: float
    size: int


class Sender:
    """Sends to one or more topics, as a context manager: waits for the broker on entry and for every message on exit.

    Raises ArusError where the broker or a topic is not there, and where a message failed. After SIGINT or SIGTERM
    nothing more is sent, and what waits gets a few seconds for its answer.
    """

    def __init__(
        self,
        topic: str,
        *others: str,
        broker_timeout: float = 60.0,
        delivery_timeout: float = 120.0,
        linger_ms: int = 0,
        total: int | None = None,
    ) -> None:
        self.sent = self.acked = self.failed = 0
        self.stopping = False
        self._stop_by = math.inf
        self._topics = (topic, *others)
        self._address = home.bootstrap_servers()
        self._broker_timeout = broker_timeout
        self._delivery_timeout = delivery_timeout
        self._linger_ms = linger_ms
        self._first_error = ""
        self._pending: deque[Pending] = deque()
        self._pending_bytes = 0
        self._progress = Progress(total)

    def __enter__(self) -> "Sender":
        self._producer = connect(self._topics, self._broker_timeout, self._delivery_timeout, self._linger_ms)
        self._handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        self._started = time.monotonic()
        self._pace = Pace(self._sleep)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._drain(self._delivery_timeout + GRACE_SECONDS if error is None else STOP_SECONDS)
        finally:
            if self._pending:
                self._give_up()
            self._close()
            self._progress.clear()
            print(summary(self.sent, self.acked, self.failed, time.monotonic() - self._started), flush=True)
        if error is None:
            self._raise_if_failed()

    def wait(self, seconds: float) -> bool:
        """Pause until `seconds` after the last message was due; return False when it is time to stop."""
        self._pace.wait(seconds)
        return not self.stopping

    def send(
        self,
        value: bytes | None,
        key: str,
        headers: list[tuple[str, bytes]] | None = None,
        timestamp_ms: int | None = None,
        topic: str | None = None,
    ) -> bool:
        """Queue one message for `topic` (default: the first), blocking while too much waits; return whether it was.

        Once it is time to stop, it is not.
        """
        self._make_room()
        if self.stopping:
            return False
        self.sent += 1
        try:
            future = self._producer.send(
                topic or self._topics[0], value, key.encode(), headers, timestamp_ms=timestamp_ms
            )
        except KafkaError as error:
            self._fail(error)
            self._raise_if_failed()
        size = len(value or b"")
        self._pending.append(Pending(future, time.monotonic(), size))
        self._pending_bytes += size
        return True

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True
        self._stop_by = time.monotonic() + STOP_SECONDS
        # A second signal does not wait for the broker.
        for number in self._handlers:
            signal.signal(number, signal.default_int_handler)

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.stopping:
            self._look()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, SLICE_SECONDS))

    def _make_room(self) -> None:
        self._look()
        while not self.stopping and (len(self._pending) >= MAX_PENDING or self._pending_bytes >= MAX_PENDING_BYTES):
            time.sleep(0.001)
            self._look()

    def _look(self) -> None:
        """Settle what the broker has answered, report once a second, and raise if a message failed."""
        self._settle_answered()
        self._raise_if_failed()

    def _settle_answered(self) -> None:
        while self._pending and self._pending[0].future.is_done:
            self._settle(self._pending.popleft())
        now = time.monotonic()
        silent = now - self._pending[0].since if self._pending else 0.0
        # kafka-python expires nothing while it asks for a new producer id: it would then wait for ever.
        if silent > self._delivery_timeout + GRACE_SECONDS:
            self._give_up()
        if now >= self._progress.due:
            self._progress.show(now, self.sent, self.acked, self.failed, silent)

    def _settle(self, pending: Pending) -> None:
        self._pending_bytes -= pending.size
        if pending.future.succeeded():
            self.acked += 1
        else:
            self._fail(pending.future.exception or KafkaTimeoutError("no answer"))

    def _fail(self, error: Exception) -> None:
        self.failed += 1
        self._first_error = self._first_error or said(error)

    def _raise_if_failed(self) -> None:
        if self.failed:
            raise ArusError(
                f"Kafka at {self._address} did not confirm every message ({self._first_error}):"
                " see python -m arus broker status, then run this again"
            )

    def _drain(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._pending and time.monotonic() < min(end, self._stop_by):
            self._settle_answered()
            time.sleep(0.002)

    def _give_up(self) -> None:
        """Count as failed whatever has no answer yet, and see to it that it is not sent any more."""
        self._first_error = self._first_error or f"no answer for {time.monotonic() - self._pending[0].since:.0f} s"
        # close() would first flush, and raise instead of closing; only this drops what is still queued.
        self._producer._sender.force_close()
        self._producer._sender.join(STOP_SECONDS)
        while self._pending:
            self._settle(self._pending.popleft())

    def _close(self) -> None:
        with contextlib.suppress(KafkaError):
            self._producer.close(timeout=STOP_SECONDS)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
