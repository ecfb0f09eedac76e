"""What a watch tells of topics that get partitions. Whole jobs: tests/e2e/test_transactions_and_partitions.py."""

import pytest

from arus.errors import ArusError
from arus.streaming.partitions import PartitionWatch


class Topics:
    """Counts that a test sets; of None, nobody answers."""

    def __init__(self, **counts: int | None) -> None:
        self.counts = counts

    def count(self, name: str) -> int:
        found = self.counts[name]
        if found is None:
            raise ArusError("nobody answers")
        return found


def test_topics_that_have_grown_are_told_once() -> None:
    topics = Topics(a=2, b=1)
    watch = PartitionWatch(["a", "b"], topics.count)
    watch.look()
    assert not watch.take()
    # A broker may tell an older count once more.
    for a in (3, 5, 4):
        topics.counts["a"] = a
        watch.look()
    assert watch.take()
    assert watch.counts == {"a": 5, "b": 1}
    watch.look()
    assert not watch.take()


def test_a_kafka_that_does_not_answer_is_asked_again() -> None:
    topics = Topics(a=2)
    watch = PartitionWatch(["a"], topics.count)
    topics.counts["a"] = None
    watch.look()
    assert not watch.take()
    topics.counts["a"] = 3
    watch.look()
    assert watch.take()
    assert watch.counts == {"a": 3}


def test_a_topic_that_is_not_there_is_said_at_once() -> None:
    with pytest.raises(ArusError, match="nobody answers"):
        PartitionWatch(["a"], Topics(a=None).count)
