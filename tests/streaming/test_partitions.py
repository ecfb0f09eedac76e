"""What a watch tells of topics that get partitions. Whole jobs: tests/e2e/test_kafka_sides.py."""

import threading
from collections.abc import Iterator

import pytest

from arus.errors import ArusError
from arus.streaming.partitions import PartitionWatch

PATIENCE = 10.0


class Topics:
    """Counts that a test sets, and how often they were looked at since."""

    def __init__(self, **counts: int) -> None:
        self.counts: dict[str, int | None] = dict(counts)
        self._looked = threading.Semaphore(0)

    def count(self, name: str) -> int:
        self._looked.release()
        found = self.counts[name]
        if found is None:
            raise ArusError("nobody answers")
        return found

    def await_looks(self) -> None:
        """Wait until every topic has been looked at twice more: a look at all is over then."""
        while self._looked.acquire(blocking=False):
            pass
        for _ in range(2 * len(self.counts) + 1):
            assert self._looked.acquire(timeout=PATIENCE)


@pytest.fixture
def topics() -> Topics:
    return Topics(a=2, b=1)


@pytest.fixture
def watch(topics: Topics) -> Iterator[PartitionWatch]:
    watch = PartitionWatch(["a", "b"], topics.count, seconds=0.01)
    watch.start()
    yield watch
    watch.stop()
    watch.join(PATIENCE)
    assert not watch.is_alive()


def test_topics_that_have_grown_are_told_once(watch: PartitionWatch, topics: Topics) -> None:
    topics.await_looks()
    assert watch.take() == {}
    for counts in ({"a": 3}, {"a": 5}, {"a": 4}):
        topics.counts |= counts
        topics.await_looks()
    assert watch.take() == {"a": 5, "b": 1}
    topics.await_looks()
    assert watch.take() == {}


def test_a_kafka_that_does_not_answer_is_asked_again(watch: PartitionWatch, topics: Topics) -> None:
    topics.counts["a"] = None
    topics.await_looks()
    topics.counts["a"] = 3
    topics.await_looks()
    assert watch.take() == {"a": 3, "b": 1}


def test_a_topic_that_is_not_there_is_said_at_once(topics: Topics) -> None:
    topics.counts["a"] = None
    with pytest.raises(ArusError, match="nobody answers"):
        PartitionWatch(["a"], topics.count)
