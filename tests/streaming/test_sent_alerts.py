"""What of a topic of alerts is there for sure. The whole, with stops and kills: tests/e2e/test_orderly_stop.py."""

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from arus import checkpoints
from arus.streaming.sent_alerts import SentAlerts, last_sent, repeated


def test_the_last_alert_of_each_partition_counts_not_the_highest() -> None:
    ids = ["t-0-5", "t-1-3", "t-0-9", "t-0-6", "no id", "t-x-1", ""]
    assert last_sent([(0, alert_id) for alert_id in ids], partitions=1) == {"t-0": 6, "t-1": 3}


def test_with_several_partitions_of_alerts_only_what_is_in_each_is_sure() -> None:
    alerts = [(0, "t-0-5"), (1, "t-0-9"), (0, "t-1-4"), (0, "t-0-7")]
    assert last_sent(alerts, partitions=2) == {"t-0": 7}


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ({"t": {"0": 3, "1": 5}}, "t partition 0 offsets 3 to 1,206"),
        ({}, "t partition 0 offsets 0 to 1,206; t partition 1 offsets 0 to 4"),
        ({"t": {"0": 1_207, "1": 5}}, ""),
    ],
)
def test_what_comes_again_is_told_by_its_offsets(done: dict[str, dict[str, int]], told: str) -> None:
    assert repeated({"t-0": 1_206, "t-1": 4}, done) == told


def test_only_what_was_sent_is_dropped(spark: SparkSession) -> None:
    rows = [(topic, partition, offset) for topic in ("t", "u") for partition in (0, 1) for offset in (4, 5, 6)]
    alerts = spark.createDataFrame(rows, "topic string, partition int, offset bigint")
    known = object.__new__(SentAlerts)
    known.sent = {"t-0": 5, "u-1": 4}
    left = {(row.topic, row.partition, row.offset) for row in known.dropped_from(alerts).collect()}
    assert {*rows} - left == {("t", 0, 4), ("t", 0, 5), ("u", 1, 4)}


def test_a_checkpoint_tells_up_to_where_it_is_done(tmp_path: Path) -> None:
    assert checkpoints.committed(tmp_path) == {}
    for folder in ("commits", "offsets"):
        (tmp_path / folder).mkdir()
        for batch in (9, 10):
            offsets = {"t": {"0": batch}}
            (tmp_path / folder / str(batch)).write_text(f"v1\n{{}}\n{json.dumps(offsets)}")
    (tmp_path / "commits" / "10").unlink()
    assert checkpoints.committed(tmp_path) == {"t": {"0": 9}}
