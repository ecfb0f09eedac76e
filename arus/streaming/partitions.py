"""Partitions that a topic gets while a Real-time query reads it: Spark looks for them only between two batches."""

import threading
from collections.abc import Callable, Sequence

from arus import topics

LOOK_SECONDS = 3.0


class PartitionWatch(threading.Thread):
    """Looks every few seconds how many partitions the topics have, until it is stopped or the process ends.

    A Kafka that does not answer is the query's matter: the watch looks again.
    """

    def __init__(
        self, names: Sequence[str], count: Callable[[str], int] = topics.partitions, seconds: float = LOOK_SECONDS
    ) -> None:
        super().__init__(name="partitions", daemon=True)
        self._count = count
        self._seconds = seconds
        self._known = {name: count(name) for name in names}
        self._has_grown = False
        self._lock = threading.Lock()
        self._asked = threading.Event()

    def run(self) -> None:
        while not self._asked.wait(self._seconds):
            try:
                found = {name: self._count(name) for name in self._known}
            except Exception:  # noqa: S112
                continue
            with self._lock:
                self._has_grown |= any(count > self._known[name] for name, count in found.items())
                self._known = {name: max(count, self._known[name]) for name, count in found.items()}

    def take(self) -> dict[str, int]:
        """Return how many partitions the topics have, if one has more than when last asked; else nothing."""
        with self._lock:
            has_grown, self._has_grown = self._has_grown, False
            return dict(self._known) if has_grown else {}

    def stop(self) -> None:
        self._asked.set()
