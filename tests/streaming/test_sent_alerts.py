"""What of a topic of alerts is there for sure. The whole, with stops and kills: tests/e2e/test_orderly_stop.py."""

import json
from pathlib import Path

import pytest
from kafka import KafkaProducer
from pyspark.sql import SparkSession

from arus import checkpoints
from arus.kafka.following import following
from arus.streaming.sent_alerts import Note, Sent, alert_ids, last_sent, read, repeated, without, write
from tests.conftest import Broker


def test_the_last_alert_of_each_partition_counts_not_the_highest() -> None:
    ids = ["t-0-5", "t-1-3", "t-0-9", "t-0-6", "no id", "t-x-1", ""]
    assert last_sent([(0, alert_id) for alert_id in ids], partitions=1) == {"t-0": 6, "t-1": 3}


def test_with_several_partitions_of_alerts_only_what_is_in_each_is_sure() -> None:
    alerts = [(0, "t-0-5"), (1, "t-0-9"), (0, "t-1-4"), (0, "t-0-7")]
    assert last_sent(alerts, partitions=2) == {"t-0": 7}


@pytest.mark.parametrize(
    ("sent", "done", "told"),
    [
        ({}, {"t": {"0": 3, "1": 5}}, "t partition 0 offsets 3 to 1,206"),
        ({}, {}, "t partition 0 offsets 0 to 1,206; t partition 1 offsets 0 to 4"),
        ({"t-0": 1_200, "t-1": 4}, {}, "t partition 0 offsets 1,201 to 1,206"),
        ({}, {"t": {"0": 1_207, "1": 5}}, ""),
    ],
)
def test_what_comes_again_is_told_by_its_offsets(sent: Sent, done: dict[str, dict[str, int]], told: str) -> None:
    assert repeated({"t-0": 1_206, "t-1": 4}, sent, done) == told


def test_only_what_was_sent_is_dropped(spark: SparkSession) -> None:
    rows = [(topic, partition, offset) for topic in ("t", "u") for partition in (0, 1) for offset in (4, 5, 6)]
    alerts = spark.createDataFrame(rows, "topic string, partition int, offset bigint")
    left = {(row.topic, row.partition, row.offset) for row in without(alerts, {"t-0": 5, "u-1": 4}).collect()}
    assert {*rows} - left == {("t", 0, 4), ("t", 0, 5), ("u", 1, 4)}


@pytest.mark.parametrize(
    ("noted", "now", "counts"),
    [("a", "a", True), ("a", "b", False), ("a", None, False), (None, "a", True), (None, None, False)],
)
def test_a_note_counts_for_the_checkpoint_that_it_lies_beside(
    tmp_path: Path, noted: str | None, now: str | None, counts: bool
) -> None:
    note = Note("run", noted, {"t-0": 5}, {"0": 7}, is_orderly=True)
    write(tmp_path / "alerts.sent.json", note)
    assert read(tmp_path / "alerts.sent.json", now) == (note if counts else None)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"run": "a"}', '{"run": "a", "checkpoint": "c", "more": 1}'])
def test_a_damaged_note_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "note").write_text(text)
    assert read(tmp_path / "note", "c") is None


@pytest.mark.e2e
def test_only_alerts_of_the_run_that_is_asked_for_are_found(broker: Broker) -> None:
    topic, mine = "peringatan-suhu", [("run", b"mine")]
    values = [
        (b'{"alert_id": "sensor-suhu-0-5"}', mine),
        (b'{"alert_id": "sensor-suhu-0-999999999"}', []),
        (b'{"alert_id": "sensor-suhu-0-9"}', [("run", b"another's")]),
        (b"[" * 100_000, mine),
        (None, mine),
        (b'{"alert_id": "sensor-suhu-0-' + b"9" * 5_000 + b'"}', mine),
        (b'{"alert_id": "sensor-suhu-1-7"}', mine),
    ]
    with following(topic, from_beginning=False) as consumer:
        (partition,) = consumer.assignment()
        since = {str(partition.partition): consumer.position(partition)}
        with KafkaProducer(bootstrap_servers=broker.address) as producer:
            for value, headers in values:
                producer.send(topic, value, b"S1", headers).get(timeout=30)
        found = last_sent(alert_ids(consumer, Note("mine", "c", since=since)), partitions=1)
    assert found == {"sensor-suhu-0": 5, "sensor-suhu-1": 7}


def test_a_checkpoint_tells_up_to_where_it_is_done(tmp_path: Path) -> None:
    assert checkpoints.committed(tmp_path) == {}
    for folder in ("commits", "offsets"):
        (tmp_path / folder).mkdir()
        for batch in (9, 10):
            offsets = {"t": {"0": batch}}
            (tmp_path / folder / str(batch)).write_text(f"v1\n{{}}\n{json.dumps(offsets)}")
    (tmp_path / "commits" / "10").unlink()
    assert checkpoints.committed(tmp_path) == {"t": {"0": 9}}
