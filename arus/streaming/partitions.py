"""Partitions that a topic gets while a Real-time query reads it: Spark looks for them only between two batches."""

import threading
from collections.abc import Callable, Sequence

from arus import topics
from arus.errors import ArusError


class PartitionWatch:
    """How many partitions some topics have, from the first count on; `look` may run in a thread of its own."""

    def __init__(self, names: Sequence[str], count: Callable[[str], int] = topics.partitions) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._has_grown = False
        self.counts = {name: count(name) for name in names}

    def look(self) -> None:
        """Count again. A Kafka that does not answer is the query's matter."""
        try:
            found = {name: self._count(name) for name in self.counts}
        except ArusError:
            return
        with self._lock:
            self._has_grown |= any(count > self.counts[name] for name, count in found.items())
            self.counts = {name: max(count, self.counts[name]) for name, count in found.items()}

    def take(self) -> bool:
        """Return whether a topic has more partitions than when last asked."""
        with self._lock:
            has_grown, self._has_grown = self._has_grown, False
            return has_grown
