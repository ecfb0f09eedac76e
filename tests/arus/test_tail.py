import select
import signal
import subprocess
import sys
from datetime import datetime
from types import SimpleNamespace

import pytest
from kafka import KafkaProducer

from arus.home import ROOT
from arus.schemas import PERINGATAN_SUHU
from arus.tail import line
from arus.text import readable
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


def test_a_line_has_time_place_key_value_and_headers() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5).astimezone()
    record = SimpleNamespace(
        timestamp=int(at.timestamp()) * 1000 + 67,
        partition=1,
        offset=42,
        key=b"S1",
        value=b"{}",
        headers=[("\x1bh", b"v")],
    )
    assert line(record) == r"03:04:05.067  1@42  S1  {}  [\x1bh=v]"
    record.headers = []
    assert line(record) == "03:04:05.067  1@42  S1  {}"


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
