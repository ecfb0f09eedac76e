"""The producers as a user runs them, against a real broker that comes late, dies, comes back, or never comes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arus.home import ROOT
from arus.schemas import RETAIL_STREAM, SENSOR_SUHU
from tests.conftest import Broker

pytestmark = pytest.mark.e2e
SUMMARY = re.compile(r"sent (\d+), acked (\d+), failed (\d+) in [\d.]+ s \(\d+/s\)")
LONGEST = 90
Received = list[tuple[str | None, bytes | None]]


@contextmanager
def producer(broker: Broker, *command: str) -> "Iterator[subprocess.Popen[str]]":
    """Run `python -m producers.COMMAND`; whatever happens, it has ended afterwards."""
    running = subprocess.Popen(
        [sys.executable, "-m", f"producers.{command[0]}", *command[1:]],
        cwd=ROOT,
        env=broker.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


def outcome(running: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = running.communicate(timeout=LONGEST)
    return running.returncode, out, err


def counts(out: str) -> tuple[int, ...]:
    """Return sent, acked and failed, as the summary line has them."""
    found = SUMMARY.search(out)
    assert found, out
    return tuple(map(int, found.groups()))


def ready(broker: Broker) -> Broker:
    for verb in (("broker", "start"), ("topics", "create")):
        done = broker.arus(*verb)
        assert done.returncode == 0, done.stdout + done.stderr
    return broker


def end_offsets(broker: Broker, topic: str) -> dict[int, int]:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=broker.address)
    try:
        parts = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        return {part.partition: end for part, end in consumer.end_offsets(parts).items()}
    finally:
        consumer.close()


def received(broker: Broker, topic: str, since: dict[int, int]) -> Received:
    """Return every message of the topic after the offsets in `since`, partition by partition, in order."""
    from kafka import KafkaConsumer, TopicPartition

    ends = end_offsets(broker, topic)
    consumer = KafkaConsumer(bootstrap_servers=broker.address)
    messages: Received = []
    deadline = time.monotonic() + LONGEST
    try:
        for number, end in ends.items():
            part = TopicPartition(topic, number)
            consumer.assign([part])
            consumer.seek(part, since.get(number, 0))
            while consumer.position(part) < end:
                assert time.monotonic() < deadline, f"{consumer.position(part)} of {end} read from {part}"
                for record in consumer.poll(timeout_ms=500).get(part, []):
                    messages.append((record.key.decode() if record.key is not None else None, record.value))
    finally:
        consumer.close()
    return messages


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.1)


def arrived(broker: Broker) -> int:
    return sum(end_offsets(broker, SENSOR_SUHU).values())


def kill(broker: Broker) -> None:
    pid = broker.pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: broker.arus("broker", "status").returncode != 0)


def invoice_file(folder: Path, rows: int) -> Path:
    path = folder / "retail rows.csv"
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    lines = (f"{n // 7},{n},LÄMP,1,12/13/10 8:26,2.5,17850.0,United Kingdom\n" for n in range(rows))
    path.write_text(header + "".join(lines) + "short,row\n", encoding="iso-8859-1")
    return path


def test_every_reading_arrives_under_its_key(broker: Broker) -> None:
    before = end_offsets(broker, SENSOR_SUHU)
    with producer(broker, "temperature", "--count", "300", "--rate", "0", "--seed", "1") as running:
        code, out, _ = outcome(running)
    messages = received(broker, SENSOR_SUHU, before)
    assert (code, counts(out)) == (0, (300, 300, 0))
    assert len(messages) == 300
    assert all(json.loads(value or b"")["sensor_id"] == key for key, value in messages)


def test_every_kind_of_malformed_value_can_be_sent(broker: Broker) -> None:
    from producers.temperature import MALFORMED

    before = end_offsets(broker, SENSOR_SUHU)
    with producer(broker, "temperature", "--count", "100", "--rate", "0", "--malformed", "1") as running:
        code, out, err = outcome(running)
    assert (code, counts(out)) == (0, (100, 100, 0)), err
    assert {value for _, value in received(broker, SENSOR_SUHU, before)} == set(MALFORMED.values())


def test_every_row_of_a_file_arrives_in_the_order_of_its_invoice(broker: Broker, tmp_path: Path) -> None:
    before = end_offsets(broker, RETAIL_STREAM)
    with producer(broker, "retail", "--csv", str(invoice_file(tmp_path, 3000)), "--delay", "0") as running:
        code, out, err = outcome(running)
    assert (code, counts(out)) == (0, (3001, 3001, 0)), err
    assert "1 row with too few or too many fields, sent as it is" in out
    invoices = defaultdict(list)
    for key, value in received(broker, RETAIL_STREAM, before):
        row = json.loads(value or b"")
        assert row["InvoiceNo"] == key
        invoices[key].append(row["StockCode"])
    expected = defaultdict(list, {"short": ["row"]})
    for n in range(3000):
        expected[str(n // 7)].append(str(n))
    assert invoices == expected


def test_sigterm_ends_in_order_with_a_summary(broker: Broker) -> None:
    before = end_offsets(broker, SENSOR_SUHU)
    with producer(broker, "temperature", "--rate", "20") as running:
        wait_until(lambda: sum(end_offsets(broker, SENSOR_SUHU).values()) > sum(before.values()))
        running.send_signal(signal.SIGTERM)
        code, out, err = outcome(running)
    sent, acked, failed = counts(out)
    assert (code, acked, failed) == (0, sent, 0), err
    assert len(received(broker, SENSOR_SUHU, before)) == sent


def test_a_topic_that_does_not_exist_is_one_line(own_broker: Callable[[], Broker]) -> None:
    broker = own_broker()
    assert broker.arus("broker", "start").returncode == 0
    with producer(broker, "temperature") as running:
        code, out, err = outcome(running)
    assert (code, out) == (1, "")
    assert err == "temperature: topic sensor-suhu does not exist: run python -m arus topics create\n"


def test_a_broker_that_never_comes_is_one_line_after_the_notice(own_broker: Callable[[], Broker]) -> None:
    broker = own_broker()
    with producer(broker, "temperature", "--broker-timeout", "3") as running:
        code, out, err = outcome(running)
    notice, error = err.splitlines()
    assert (code, out) == (1, "")
    assert notice == f"waiting for Kafka at {broker.address}, up to 3 s ..."
    assert error.startswith(f"temperature: Kafka at {broker.address} did not answer within 3 s")
    assert error.endswith("`python -m arus broker start`")


def test_a_broker_that_comes_late_gets_every_message(own_broker: Callable[[], Broker]) -> None:
    broker = ready(own_broker())
    assert broker.arus("broker", "stop").returncode == 0
    with producer(broker, "temperature", "--count", "30", "--rate", "0") as running:
        assert running.stderr is not None
        assert running.stderr.readline() == f"waiting for Kafka at {broker.address}, up to 60 s ...\n"
        ready(broker)
        code, out, err = outcome(running)
    assert (code, counts(out)) == (0, (30, 30, 0)), err
    assert len(received(broker, SENSOR_SUHU, {})) == 30


@pytest.mark.parametrize("rate", ["100", "0"])
def test_a_broker_killed_in_between_gets_every_message_once_and_in_order(
    own_broker: Callable[[], Broker], rate: str
) -> None:
    broker = ready(own_broker())
    count = "6000" if rate == "100" else "99000"
    options = ["--count", count, "--rate", rate, "--start", "0", "--seed", "1"]
    with producer(broker, "temperature", *options) as running:
        wait_until(lambda: arrived(broker) > 500)
        kill(broker)
        assert running.poll() is None, "it had sent everything before the broker died"
        ready(broker)
        code, out, err = outcome(running)
    assert (code, counts(out)) == (0, (int(count), int(count), 0)), err
    stamps = defaultdict(list)
    for key, value in received(broker, SENSOR_SUHU, {}):
        stamps[key].append(json.loads(value or b"")["timestamp"])
    step = 1 / (float(rate) or 1)
    assert stamps == {f"S{n}": [round(turn * step, 3) for turn in range(int(count) // 3)] for n in (1, 2, 3)}


@pytest.mark.parametrize("rate", ["20", "0"])
def test_a_broker_that_stays_away_ends_it_with_one_line(own_broker: Callable[[], Broker], rate: str) -> None:
    broker = ready(own_broker())
    with producer(broker, "temperature", "--rate", rate, "--delivery-timeout", "3") as running:
        wait_until(lambda: arrived(broker) > 20)
        kill(broker)
        code, out, err = outcome(running)
    sent, acked, failed = counts(out)
    error = err.splitlines()[-1]
    assert (code, sent) == (1, acked + failed)
    assert failed > 0
    assert error.startswith(f"temperature: Kafka at {broker.address} did not confirm every message (")
    assert error.endswith("see python -m arus broker status, then run this again")
    assert "Traceback" not in err


def test_sigterm_without_a_broker_ends_soon_and_says_what_failed(own_broker: Callable[[], Broker]) -> None:
    broker = ready(own_broker())
    with producer(broker, "temperature", "--rate", "20") as running:
        wait_until(lambda: arrived(broker) > 20)
        kill(broker)
        running.send_signal(signal.SIGTERM)
        code, out, err = outcome(running)
    sent, acked, failed = counts(out)
    assert (code, sent) == (1, acked + failed)
    assert failed > 0
    assert "Traceback" not in err
