"""Partitions that a topic gets while a Real-time query reads it: Spark looks for them only between two batches."""

import threading
from collections.abc import Callable, Sequence

from arus import topics
from arus.errors import ArusError

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
        self._grown: dict[str, int] = {}
        self._lock = threading.Lock()
        self._asked = threading.Event()

    def run(self) -> None:
        while not self._asked.wait(self._seconds):
            try:
                found = {name: self._count(name) for name in self._known}
            except ArusError:
                continue
            with self._lock:
                self._grown |= {name: count for name, count in found.items() if count > self._known[name]}
            self._known |= found

    def take(self) -> dict[str, int]:
        """Return the topics that have more partitions than when they were last asked for, and how many."""
        with self._lock:
            grown, self._grown = self._grown, {}
        return grown

    def stop(self) -> None:
        self._asked.set()
