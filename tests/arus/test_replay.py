"""`python -m arus rejects replay`: what may be sent, and by a real broker: that it is sent whole and once."""

import json
import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from arus import rejects, replay
from arus.errors import ArusError
from tests.arus.delta_tables import IMAGE, JOB, append, at, rejected, three_rejects


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "arus home"
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    return folder


@pytest.mark.parametrize(
    ("edit", "value"),
    [
        ({}, b"old"),
        ({"value": "new", "value_base64": "b2xk"}, b"new"),
        ({"value": "old", "value_base64": "bmV3"}, b"new"),
        ({"value": None, "value_base64": "bmV3"}, b"new"),
        ({"value": "new", "value_base64": "bmV3"}, b"new"),
        ({"value": "äß"}, "äß".encode()),
        ({"value": ""}, b""),
    ],
)
def test_an_edit_is_whichever_value_differs(edit: dict[str, Any], value: bytes) -> None:
    assert replay.edited(rejected(1, b"old"), {"id": "sensor-suhu-0-1", **edit}) == rejected(1, value)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        ({"value": "a", "value_base64": "Yg=="}, "both edited"),
        ({"value_base64": "%"}, "not base64"),
        ({"value": "\ud800"}, "no text"),
    ],
)
def test_an_edit_that_cannot_be_meant_is_refused(edit: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ArusError, match=f"^sensor-suhu-0-1: .*{complaint}"):
        replay.edited(rejected(1, b"old"), {"id": "sensor-suhu-0-1", **edit})


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("{", "line 1: not JSON"),
        ('\n["id"]', "line 2: needs an object"),
        ('{"id": 1}', "line 1: needs an object"),
        ('{"id": "a", "value": {"suhu": 1}}', 'line 1: "value" must be text'),
        ('{"id": "a"}\n\n{"id": "a"}', "line 3: a is there twice"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, lines: str, complaint: str) -> None:
    (tmp_path / "edits").write_text(lines)
    with pytest.raises(ArusError, match=complaint):
        replay.read_edits(tmp_path / "edits")


def test_a_file_with_an_unknown_id_sends_nothing(store: Path, tmp_path: Path) -> None:
    three_rejects(store)
    (tmp_path / "edits").write_text('{"id": "sensor-suhu-0-1"}\n{"id": "sensor-suhu-0-9"}')
    with pytest.raises(ArusError, match=r"edits: sensor-suhu-0-9 is not among"):
        rejects.main(["replay", JOB, "--file", str(tmp_path / "edits")])
    assert not (store / "run" / "replayed").exists()


def test_a_second_replay_at_the_same_time_is_refused(store: Path) -> None:
    three_rejects(store)
    with replay._journal(JOB), pytest.raises(ArusError, match="another replay of temperature_filter is at work"):
        rejects.main(["replay", JOB])


def ends(topic: str) -> dict[int, int]:
    with closing(KafkaConsumer(enable_auto_commit=False, bootstrap_servers=_address())) as consumer:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        return {partition.partition: end for partition, end in consumer.end_offsets(partitions).items()}


def since(topic: str, begin: dict[int, int]) -> list[Any]:
    """Return what the topic got since `begin`, by the id of the record that it replays."""
    count = sum(ends(topic).values()) - sum(begin.values())
    with closing(KafkaConsumer(enable_auto_commit=False, bootstrap_servers=_address())) as consumer:
        consumer.assign([TopicPartition(topic, number) for number in begin])
        for number, offset in begin.items():
            consumer.seek(TopicPartition(topic, number), offset)
        found: list[Any] = []
        for _ in range(50):
            if len(found) >= count:
                break
            found += [record for batch in consumer.poll(timeout_ms=200).values() for record in batch]
    return sorted(found, key=lambda record: dict(record.headers)["arus-replay-of"])


def _address() -> str:
    return os.environ["KAFKA_BOOTSTRAP_SERVERS"]


def fields(records: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [(record.key, record.value, list(record.headers), record.timestamp) for record in records]


def milliseconds(second: int) -> int:
    return int(at(second).timestamp() * 1000)


@pytest.mark.e2e
@pytest.mark.usefixtures("broker")
def test_a_replay_sends_each_record_whole_and_once(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_rejects(store)
    begin = ends("sensor-suhu")
    assert rejects.main(["replay", JOB, "--dry-run"]) == 0
    assert capsys.readouterr().out == f"{JOB}: 3 would be replayed\n"
    assert ends("sensor-suhu") == begin
    assert rejects.main(["replay", JOB, "--reason", "wrong-type:suhu"]) == 0
    assert rejects.main(["replay", JOB]) == 0
    assert rejects.main(["replay", JOB]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{JOB}: 1 replayed",
        f"{JOB}: 2 replayed, 1 already replayed (--again sends them once more)",
        f"{JOB}: 0 replayed, 3 already replayed (--again sends them once more)",
    ]
    assert fields(since("sensor-suhu", begin)) == [
        (b"S1", b"{", [("arus-replay-of", b"sensor-suhu-0-1")], milliseconds(1)),
        (None, IMAGE, [("arus-replay-of", b"sensor-suhu-0-2")], milliseconds(2)),
        (
            b"S1",
            b'{"suhu": "x"}',
            [("trace", b"7"), ("none", b""), ("arus-replay-of", b"sensor-suhu-0-3")],
            milliseconds(3),
        ),
    ]


@pytest.mark.e2e
@pytest.mark.usefixtures("broker")
def test_mended_values_are_sent_and_again_sends_them_once_more(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    three_rejects(store)
    rejects.main(["show", JOB, "--json", "--reason", "wrong-type:suhu"])
    edits = tmp_path / "mended rejects.jsonl"
    edits.write_text(json.dumps(json.loads(capsys.readouterr().out) | {"value": '{"suhu": 81.5}'}))
    begin = ends("sensor-suhu")
    for options in ([], [], ["--again"]):
        assert rejects.main(["replay", JOB, "--file", str(edits), *options]) == 0
    sent = since("sensor-suhu", begin)
    assert [(record.key, record.value) for record in sent] == [(b"S1", b'{"suhu": 81.5}')] * 2


@pytest.mark.e2e
@pytest.mark.usefixtures("broker")
def test_the_header_of_an_earlier_replay_gives_way(store: Path) -> None:
    headers = [{"key": "arus-replay-of", "value": b"sensor-suhu-0-1"}]
    append(store, f"rejects/{JOB}", [rejected(4, b"{", headers=headers)])
    begin = ends("sensor-suhu")
    rejects.main(["replay", JOB])
    assert [list(record.headers) for record in since("sensor-suhu", begin)] == [
        [("arus-replay-of", b"sensor-suhu-0-4")]
    ]


@pytest.mark.e2e
@pytest.mark.usefixtures("broker")
def test_a_torn_journal_line_counts_for_nothing_and_spoils_no_other(store: Path) -> None:
    three_rejects(store)
    journal = store / "run" / "replayed" / f"{JOB}.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text('{"id": "sensor-suhu-0-1"}\n{"id": "sensor-su')
    begin = ends("sensor-suhu")
    rejects.main(["replay", JOB])
    rejects.main(["replay", JOB])
    assert [record.value for record in since("sensor-suhu", begin)] == [IMAGE, b'{"suhu": "x"}']


@pytest.mark.e2e
@pytest.mark.usefixtures("broker")
def test_records_that_cannot_be_sent_are_an_error_and_are_not_noted(store: Path) -> None:
    too_big, nothing = rejected(2, b"x" * 2_000_000), rejected(3, None, key=None)
    append(store, f"rejects/{JOB}", [rejected(1, b"{"), too_big, nothing, rejected(4, b"{")])
    begin = ends("sensor-suhu")
    with pytest.raises(ArusError, match=r"^temperature_filter: 2 replayed, then sensor-suhu-0-2 could not be sent "):
        rejects.main(["replay", JOB])
    sent = [dict(record.headers)["arus-replay-of"] for record in since("sensor-suhu", begin)]
    assert sent == [b"sensor-suhu-0-1", b"sensor-suhu-0-4"]
    journal = store / "run" / "replayed" / f"{JOB}.jsonl"
    assert journal.read_text() == '{"id": "sensor-suhu-0-1"}\n{"id": "sensor-suhu-0-4"}\n'


@pytest.mark.e2e
@pytest.mark.usefixtures("broker")
def test_a_topic_that_is_gone_is_one_line(store: Path) -> None:
    append(store, f"rejects/{JOB}", [rejected(1, b"{", topic="gone")])
    with pytest.raises(ArusError, match=r"^topic gone does not exist: "):
        rejects.main(["replay", JOB])
