"""The account of a topic: whether each of its messages is a row of a table or a reject, and once."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.dataset as ds

from arus import delta_files, topics
from arus.schemas import JOBS, POSITION, TOPICS, JobEntry

# The reason of rejects that are rows too: readings which a join dropped, but not their own table.
IS_ROW_TOO = "late"

Offsets = npt.NDArray[np.int64]
NONE: Offsets = np.empty(0, np.int64)


class Account(NamedTuple):
    """A topic in figures, of its messages that Kafka still keeps.

    `unread`: not yet read by the job; `missing`: passed over by it, and neither row nor reject;
    `repeated`: more often than once there. Of the last two there should be none.
    """

    topic: str
    messages: int
    rows: int
    rejects: int
    unread: int
    missing: int
    repeated: int

    @property
    def is_right(self) -> bool:
        return not self.missing and not self.repeated


def accounts() -> list[Account]:
    """Return the account of each topic that a job keeps in a table; ArusError where no Kafka answers."""
    kept = {topic: (table, job) for job, entry in JOBS.items() for topic, table in _kept(entry)}
    extent = topics.extents(kept)
    return [_account(topic, *place, extent[topic]) for topic, place in kept.items() if topic in extent]


def _kept(entry: JobEntry) -> Iterator[tuple[str, str]]:
    """Yield each topic that a job reads, with the first of its tables that keeps positions in Kafka.

    What the job reads of its own, such as heartbeats, has no rows.
    """
    table = next((name for name, columns in entry.tables.items() if POSITION in columns), None)
    for topic in entry.reads:
        if table and topic in TOPICS and topic not in entry.writes:
            yield topic, table


def _account(topic: str, table: str, job: str, extent: topics.Extent) -> Account:
    rows = _offsets(table, ds.field("topic") == topic)
    rejects = _offsets(f"rejects/{job}", (ds.field("topic") == topic) & (ds.field("reason") != IS_ROW_TOO))
    unread = missing = repeated = 0
    for partition, (start, end) in extent.items():
        found = np.concatenate([rows.get(partition, NONE), rejects.get(partition, NONE)])
        distinct = np.unique(found)
        # A table may know more than a topic that was made anew.
        read_to = min(max(int(distinct[-1]) + 1, start), end) if len(distinct) else start
        there = np.count_nonzero((distinct >= start) & (distinct < read_to))
        if there < read_to - start:
            gaps = np.setdiff1d(np.arange(start, read_to), distinct)
            missing += topics.count_records(topic, partition, gaps.tolist())
        unread += end - read_to
        repeated += len(found) - len(distinct)
    messages = sum(end - start for start, end in extent.values())
    return Account(topic, messages, _total(rows), _total(rejects), unread, missing, repeated)


def _offsets(table: str, where: ds.Expression) -> dict[int, Offsets]:
    """Return the offsets that a table has of a topic, by partition; none where the table is not there."""
    if table not in delta_files.names():
        return {}
    found = delta_files.opened(table).to_pyarrow_dataset().to_table(columns=["partition", "offset"], filter=where)
    partitions, offsets = found["partition"].to_numpy(), found["offset"].to_numpy()
    return {int(partition): offsets[partitions == partition] for partition in np.unique(partitions)}


def _total(offsets: dict[int, Offsets]) -> int:
    return sum(map(len, offsets.values()))


def table_of(found: list[Account]) -> str:
    """Return the accounts as a table for the terminal, and what they come to."""
    width = max(len(account.topic) for account in found)
    lines = [f"{'topic':<{width}}" + "".join(f"{name:>11}" for name in Account._fields[1:])]
    lines += [f"{account.topic:<{width}}" + "".join(f"{number:>11,}" for number in account[1:]) for account in found]
    wrong = [account.topic for account in found if not account.is_right]
    unread = sum(account.unread for account in found)
    verdict = "each message is a row or a reject, and once" if not wrong else f"not so in {', '.join(wrong)}"
    return "\n".join([*lines, f"{verdict}{f'; {unread:,} are not yet read' if unread else ''}"])
