"""`python -m arus rejects`: seen without a broker, and sent again through a real one."""

import base64
import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from arus import rejects, replay
from arus.errors import ArusError
from tests.arus.delta_tables import append, at, rejected
from tests.conftest import Broker

JOB = "temperature_filter"
IMAGE = b"\xff\xd8\x00"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "arus home"
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    return folder


def three_rejects(store: Path) -> None:
    headers = [{"key": "trace", "value": b"7"}, {"key": "none", "value": None}]
    append(store, f"rejects/{JOB}", [rejected(3, b'{"suhu": "x"}', "wrong-type:suhu", headers=headers)])
    append(store, f"rejects/{JOB}", [rejected(1, b"{"), rejected(2, IMAGE, key=None)])


def test_reasons_are_counted_for_each_job(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_rejects(store)
    append(store, "rejects/retail_ingest", [])
    assert rejects.main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"retail_ingest": {}, JOB: {"not-json": 2, "wrong-type:suhu": 1}}
    assert rejects.main(["list"]) == 0
    assert capsys.readouterr().out == (
        f"        2  {JOB}  not-json\n        1  {JOB}  wrong-type:suhu\n"
        "see them with `python -m arus rejects show JOB`\n"
    )


def test_no_rejects_is_good_news(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rejects.main(["list"]) == 0
    append(store, f"rejects/{JOB}", [])
    assert rejects.main(["list"]) == 0
    assert capsys.readouterr().out == (
        f"nothing was rejected: no job has run in {store}\nnothing was rejected: {JOB}\n"
    )


def test_records_are_shown_in_the_order_of_their_time(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_rejects(store)
    assert rejects.main(["show", JOB]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "sensor-suhu-0-1  2026-01-02T03:04:01  not-json  S1  {",
        "sensor-suhu-0-2  2026-01-02T03:04:02  not-json  null  <3 bytes: ff d8 00>",
        'sensor-suhu-0-3  2026-01-02T03:04:03  wrong-type:suhu  S1  {"suhu": "x"}  [trace=7 none=null]',
    ]


def test_a_limit_keeps_the_latest_and_0_keeps_all(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(store, f"rejects/{JOB}", [rejected(offset, b"{") for offset in range(25)])
    rejects.main(["show", JOB, "--limit", "2"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["sensor-suhu-0-23", "sensor-suhu-0-24"]
    for options, count in (([], 20), (["--limit", "0"], 25)):
        rejects.main(["show", JOB, *options])
        assert len(capsys.readouterr().out.splitlines()) == count


def test_a_value_cannot_command_the_terminal(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = [{"key": "\x1b[2J", "value": b"\x1b[2J"}]
    append(store, f"rejects/{JOB}", [rejected(1, b"\x1b[2J\n", key=b"\x07", headers=header)])
    rejects.main(["show", JOB])
    line = capsys.readouterr().out.removesuffix("\n")
    assert line.isprintable()
    assert line.endswith(r"\x07  \x1b[2J\n  [\x1b[2J=\x1b[2J]")


def test_json_has_everything_and_only_the_asked_reason(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_rejects(store)
    rejects.main(["show", JOB, "--json", "--reason", "wrong-type:suhu"])
    assert json.loads(capsys.readouterr().out) == {
        "id": "sensor-suhu-0-3",
        "topic": "sensor-suhu",
        "partition": 0,
        "offset": 3,
        "timestamp": "2026-01-02T03:04:03+00:00",
        "reason": "wrong-type:suhu",
        "key": "S1",
        "value": '{"suhu": "x"}',
        "value_base64": base64.b64encode(b'{"suhu": "x"}').decode(),
        "headers": [
            {"key": "trace", "value": "7", "value_base64": "Nw=="},
            {"key": "none", "value": None, "value_base64": None},
        ],
    }
    rejects.main(["show", JOB, "--json", "--reason", "not-json"])
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["key"], last["value"], last["value_base64"]) == (None, None, base64.b64encode(IMAGE).decode())


def test_unknown_jobs_and_reasons_are_refused_by_name(store: Path) -> None:
    three_rejects(store)
    with pytest.raises(ArusError, match=rf"^no rejects of a job 'x'; there are those of: {JOB}$"):
        rejects.main(["show", "x"])
    with pytest.raises(ArusError, match=r"nothing for 'oversize'; its reasons: not-json, wrong-type:suhu$"):
        rejects.main(["show", JOB, "--reason", "oversize"])


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
    import os

    return os.environ["KAFKA_BOOTSTRAP_SERVERS"]


def fields(records: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [(record.key, record.value, list(record.headers), record.timestamp) for record in records]


def milliseconds(second: int) -> int:
    return int(at(second).timestamp() * 1000)


@pytest.mark.e2e
def test_a_replay_sends_each_record_whole_and_once(
    broker: Broker, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
            [("trace", b"7"), ("none", None), ("arus-replay-of", b"sensor-suhu-0-3")],
            milliseconds(3),
        ),
    ]


@pytest.mark.e2e
def test_mended_values_are_sent_and_again_sends_them_once_more(
    broker: Broker, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
def test_the_header_of_an_earlier_replay_gives_way(broker: Broker, store: Path) -> None:
    headers = [{"key": "arus-replay-of", "value": b"sensor-suhu-0-1"}]
    append(store, f"rejects/{JOB}", [rejected(4, b"{", headers=headers)])
    begin = ends("sensor-suhu")
    rejects.main(["replay", JOB])
    assert [list(record.headers) for record in since("sensor-suhu", begin)] == [[("arus-replay-of", b"sensor-suhu-0-4")]]


@pytest.mark.e2e
def test_a_torn_journal_line_counts_for_nothing_and_spoils_no_other(broker: Broker, store: Path) -> None:
    three_rejects(store)
    journal = store / "run" / "replayed" / f"{JOB}.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text('{"id": "sensor-suhu-0-1"}\n{"id": "sensor-su')
    begin = ends("sensor-suhu")
    rejects.main(["replay", JOB])
    rejects.main(["replay", JOB])
    assert [record.value for record in since("sensor-suhu", begin)] == [IMAGE, b'{"suhu": "x"}']


@pytest.mark.e2e
def test_a_record_that_kafka_refuses_is_an_error_and_is_not_noted(broker: Broker, store: Path) -> None:
    too_big = b"x" * 2_000_000
    append(store, f"rejects/{JOB}", [rejected(1, b"{"), rejected(2, too_big, "oversize"), rejected(3, b"{")])
    begin = ends("sensor-suhu")
    with pytest.raises(ArusError, match=r"did not confirm every record of temperature_filter \(MessageSizeTooLarge"):
        rejects.main(["replay", JOB])
    assert [dict(record.headers)["arus-replay-of"] for record in since("sensor-suhu", begin)] == [
        b"sensor-suhu-0-1",
        b"sensor-suhu-0-3",
    ]
    noted = (store / "run" / "replayed" / f"{JOB}.jsonl").read_text().split()
    assert "".join(noted) == '{"id":"sensor-suhu-0-1"}{"id":"sensor-suhu-0-3"}'
