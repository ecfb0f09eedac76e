import json
import select
import signal
import socket
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import KafkaProducer

from arus import topics
from arus.home import ROOT
from arus.schemas import PERINGATAN_SUHU, SENSOR_SUHU
from arus.tail import line
from arus.text import number_of, readable
from tests.conftest import Broker


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (None, "null"),
        (b"", ""),
        ('{"suhu":81.5,"di":"Jakarta °C"}'.encode(), '{"suhu":81.5,"di":"Jakarta °C"}'),
        (b"red \x1b[31m bell \x07 line\nreturn\r", r"red \x1b[31m bell \x07 line\nreturn\r"),
        ("\u202egpj.exe \x9b".encode(), r"\u202egpj.exe \x9b"),
        (b"\xff\xd8\xff\xe0", "<4 bytes: ff d8 ff e0>"),
        (b"\x89PNG" + b"\xff" * 96, "<100 bytes: 89 50 4e 47" + " ff" * 12 + " ...>"),
        (b"y" * 500, "y" * 500),
        (b"\x1b" + b"y" * 500, r"<501 bytes: \x1b" + "y" * 59 + " ...>"),
    ],
)
def test_whatever_a_message_holds_is_safe_to_show(data: bytes | None, shown: str) -> None:
    assert readable(data) == shown


AT = datetime(2026, 1, 2, 3, 4, 5, 67_000).astimezone()


def sent(value: Any, headers: list[tuple[str, bytes]] | None = None) -> SimpleNamespace:
    """A record of AT, with the value as JSON."""
    return SimpleNamespace(
        timestamp=round(AT.timestamp() * 1000),
        partition=1,
        offset=42,
        key=b"S1",
        value=json.dumps(value).encode(),
        headers=headers or [],
    )


def test_a_line_has_time_place_key_value_and_headers() -> None:
    record = sent({}, [("\x1bh", b"v")])
    assert line(record, AT.date()) == r"03:04:05.067  1@42  S1  {}  [\x1bh=v]"
    assert line(sent({}), AT.date()) == "03:04:05.067  1@42  S1  {}"


def test_a_message_of_another_day_is_dated() -> None:
    tomorrow = AT.date() + timedelta(days=1)
    assert line(sent({}), tomorrow) == "2026-01-02 03:04:05.067  1@42  S1  {}"


@pytest.mark.parametrize("field", ["timestamp", "time", "ts"])
@pytest.mark.parametrize("unit", [1, 1e3, 1e6])
def test_a_time_in_numbers_is_told_on_the_clock_too(field: str, unit: float) -> None:
    read = AT - timedelta(seconds=2)
    shown = line(sent({"sensor_id": "S1", field: read.timestamp() * unit}), AT.date())
    assert shown.endswith("}  (reading of 03:04:03.067)")
    earlier = line(sent({field: (read - timedelta(days=1)).timestamp()}), AT.date())
    assert earlier.endswith("}  (reading of 2026-01-01 03:04:03.067)")


@pytest.mark.parametrize(
    "value",
    [
        {"timestamp": "2026-01-02T03:04:05Z"},
        {"timestamp": True},
        {"timestamp": float("nan")},
        {"timestamp": 10**400},
        {"timestamp": 1e300},
        {"timestamp": -1e300},
        {"suhu": 1767323045},
        [1767323045],
        1767323045,
    ],
)
def test_what_is_no_time_in_numbers_is_shown_as_it_is(value: Any) -> None:
    assert line(sent(value), AT.date()).endswith(f"  S1  {json.dumps(value)}")


@pytest.mark.parametrize("value", [None, b"", b"\xff\xd8", b"{", b"[" * 100_000])
def test_what_is_no_json_is_shown_as_it_is(value: bytes | None) -> None:
    record = sent(None)
    record.value = value
    assert line(record, AT.date()).endswith(f"  S1  {readable(value)}")


def send(broker: Broker, values: list[str]) -> None:
    producer = KafkaProducer(bootstrap_servers=broker.address)
    for value in values:
        producer.send(PERINGATAN_SUHU, key=b"S1", value=value.encode()).get(timeout=20)
    producer.close()


@pytest.mark.e2e
def test_messages_already_there_are_shown_in_order(broker: Broker) -> None:
    send(broker, ["one", "two", "three"])
    shown = broker.arus("tail", PERINGATAN_SUHU, "--from-beginning", "--seconds", "5").stdout.splitlines()
    assert [text.split("  ")[2:] for text in shown[-3:]] == [["S1", "one"], ["S1", "two"], ["S1", "three"]]
    first = broker.arus("tail", PERINGATAN_SUHU, "--from-beginning", "--count", "2")
    assert (first.returncode, first.stdout.splitlines()) == (0, shown[:2])


@pytest.mark.e2e
def test_at_once_it_says_what_it_listens_to_and_how_much_is_there(broker: Broker) -> None:
    send(broker, ["one"])
    there = next(topic.messages for topic in topics.topics() if topic.name == PERINGATAN_SUHU)
    said = f"listening to {PERINGATAN_SUHU}: {number_of(there, 'message')} so far"
    quiet = broker.arus("tail", PERINGATAN_SUHU, "--seconds", "0.1")
    shows = "--from-beginning shows them"
    assert (quiet.stdout, quiet.stderr) == ("", f"{said}, {shows}; Ctrl-C ends it\n")
    begun = broker.arus("tail", PERINGATAN_SUHU, "--from-beginning", "--count", "1")
    assert begun.stderr == f"{said}, shown first; Ctrl-C ends it\n"


@pytest.mark.parametrize("argv", [["tail", SENSOR_SUHU], ["topics", "list"]])
def test_a_wait_for_a_kafka_that_does_not_answer_is_said(argv: list[str], tmp_path: Path) -> None:
    with socket.create_server(("localhost", 0)) as silent:
        address = f"localhost:{silent.getsockname()[1]}"
        broker = Broker(tmp_path, address)
        command = [sys.executable, "-m", "arus", *argv]
        with subprocess.Popen(command, cwd=ROOT, env=broker.env, stderr=subprocess.PIPE, text=True) as waiting:
            assert waiting.stderr is not None
            said = f"waiting for Kafka at {address}, up to 10 s ...\n"
            assert waiting.stderr.readline() == said
            waiting.kill()


@pytest.mark.e2e
def test_a_message_is_shown_as_it_comes_and_ctrl_c_is_a_good_end(broker: Broker) -> None:
    send(broker, ["before"])
    command = [sys.executable, "-m", "arus", "tail", PERINGATAN_SUHU]
    with subprocess.Popen(command, cwd=ROOT, env=broker.env, stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        # It shows what comes after it looked where the topic ends, and does not say when that was.
        while not select.select([tail.stdout], [], [], 1.0)[0]:
            send(broker, ["as it comes"])
        assert tail.stdout.readline().endswith("  S1  as it comes\n")
        tail.send_signal(signal.SIGINT)
        assert tail.wait(timeout=20) == 0


@pytest.mark.e2e
def test_an_unknown_topic_is_answered_with_those_there_are(broker: Broker) -> None:
    failed = broker.arus("tail", "peringatan")
    assert failed.returncode == 1
    assert failed.stderr.startswith("arus tail: there is no topic 'peringatan'; there are: ")
    assert PERINGATAN_SUHU in failed.stderr
