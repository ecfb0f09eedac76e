import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from arus import broker as embedded
from arus import kraft
from arus.errors import ArusError
from arus.home import ROOT
from arus.ping import Address, is_kafka
from arus.schemas import SENSOR_SUHU
from tests.conftest import Broker, free_port

Make = Callable[[], Broker]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, for what needs no broker."""
    monkeypatch.setenv("ARUS_HOME", str(tmp_path / "a home"))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{free_port()}")
    return tmp_path / "a home"


def send(broker: Broker, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=broker.address)
    for value in values:
        producer.send(SENSOR_SUHU, value=value, partition=0).get(timeout=20)
    producer.close()


def kept(broker: Broker, count: int) -> list[bytes]:
    """Return the first `count` values of partition 0, or those that came within 20 seconds."""
    consumer = KafkaConsumer(bootstrap_servers=broker.address, enable_auto_commit=False)
    partition = TopicPartition(SENSOR_SUHU, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning()
    values: list[bytes] = []
    deadline = time.monotonic() + 60
    while len(values) < count and time.monotonic() < deadline:
        values += [record.value for record in consumer.poll(timeout_ms=200).get(partition, [])]
    consumer.close()
    return values


def address_of(broker: Broker) -> Address:
    return Address("localhost", int(broker.address.rpartition(":")[2]))


def data_files(home: Path) -> list[str]:
    return sorted(str(file.relative_to(home)) for file in home.rglob("*") if file.is_file())


def test_the_rendered_settings_name_address_controller_and_data() -> None:
    rendered = kraft.rendered(Address("localhost", 9192), 9193, Path("/a home/ünï"))
    assert rendered.endswith(
        "listeners=PLAINTEXT://localhost:9192,CONTROLLER://localhost:9193\n"
        "advertised.listeners=PLAINTEXT://localhost:9192\n"
        "controller.quorum.voters=1@localhost:9193\n"
        "log.dirs=/a home/\\u00fcn\\u00ef\n"
    )
    assert "\nauto.create.topics.enable=false\n" in rendered


@pytest.mark.parametrize("servers", ["kafka1:9092", "localhost:9092,localhost:9093"])
def test_an_address_elsewhere_is_used_as_it_is(home: Path, monkeypatch: pytest.MonkeyPatch, servers: str) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
    for verb in (embedded.start, embedded.run):
        with pytest.raises(ArusError, match="is not one loopback address: it is used as it is"):
            verb()
    assert not home.exists()


def test_a_port_that_something_else_has_is_named_with_a_way_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("localhost", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr("arus.ping.PATIENCE", 0.2)
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{port}")
        with pytest.raises(ArusError, match=rf"port {port} is taken .*KAFKA_BOOTSTRAP_SERVERS=localhost:9192"):
            embedded.start()
    assert not (home / "kafka").exists()


def test_a_full_disk_is_said_before_anything_is_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 100 * 2**20))
    with pytest.raises(ArusError, match="has 100 MiB free, and the broker needs 500"):
        embedded.start()
    assert not (home / "kafka").exists()


def test_a_home_with_a_comma_is_refused(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not home.exists()
    monkeypatch.setenv("ARUS_HOME", str(tmp_path / "a,b"))
    with pytest.raises(ArusError, match=r"Kafka reads the comma in .*a,b as two folders"):
        embedded.start()


@pytest.mark.parametrize(
    "content", ["", "nonsense", str(os.getpid()), str(2**22 + 1)], ids=["empty", "nonsense", "alive", "gone"]
)
def test_a_pid_that_is_not_our_broker_is_never_stopped(home: Path, content: str) -> None:
    (home / "run").mkdir(parents=True)
    (home / "run" / "broker.pid").write_text(content)
    assert embedded.own_pid() is None
    assert embedded.stop() == f"broker: none of {home} runs"
    assert not (home / "run" / "broker.pid").exists()


def test_topics_without_meta_properties_are_never_touched(home: Path) -> None:
    segment = home / "kafka" / "sensor-suhu-0" / "00000000000000000000.log"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(b"messages")
    with pytest.raises(ArusError, match=r"has topics but no usable meta\.properties, so nothing was touched"):
        embedded.start()
    assert data_files(home / "kafka") == ["sensor-suhu-0/00000000000000000000.log"]
    assert segment.read_bytes() == b"messages"


def test_the_last_error_of_this_start_is_told(home: Path) -> None:
    (home / "logs").mkdir(parents=True)
    old = "2026 ERROR of an earlier start (Kafka)\n"
    new = "INFO fine\n2026 ERROR Exiting (Kafka$)\njava.net.BindException: in use\n\tat java.base\n2026 INFO bye\n"
    kraft.log().write_text(old + new)
    assert embedded._last_error(len(old)) == "java.net.BindException: in use"
    assert embedded._last_error(len(old + new)) == "it wrote nothing to its log"


@pytest.mark.e2e
def test_a_broker_starts_answers_and_stops(own_broker: Make) -> None:
    own = own_broker()
    started = own.arus("broker", "start")
    assert (started.returncode, started.stderr) == (0, "")
    assert started.stdout.splitlines()[-1].startswith(f"broker: answers at {own.address} after ")
    pid = own.pid
    assert is_kafka(address_of(own))
    assert json.loads(own.arus("broker", "status", "--json").stdout)["pid"] == pid
    assert own.arus("broker", "status").returncode == 0
    assert own.arus("broker", "stop").stdout == f"broker: stopped (pid {pid})\n"
    assert not is_kafka(address_of(own))
    status = own.arus("broker", "status")
    assert (status.returncode, status.stdout.split(": ")[-1]) == (1, "`python -m arus broker start`\n")
    again = own.arus("broker", "stop")
    assert (again.returncode, again.stdout) == (0, f"broker: none of {own.home} runs\n")


@pytest.mark.e2e
def test_a_broker_that_takes_long_to_stop_is_waited_for_in_so_many_words(own_broker: Make) -> None:
    own = own_broker()
    assert own.arus("broker", "start").returncode == 0
    pid = own.pid
    os.kill(pid, signal.SIGSTOP)
    status = own.arus("broker", "status")
    assert status.stdout.endswith(f": see {own.home}/logs/broker.log\n")
    stopped = own.arus("broker", "stop")
    assert stopped.stderr == "broker: waiting for it to stop, up to 10 s ...\n"
    how = "killed, as it had not stopped within 10 s"
    assert stopped.stdout == f"broker: {how} (pid {pid})\n"


def test_the_wait_for_another_start_is_said(home: Path) -> None:
    (home / "run").mkdir(parents=True)
    with (home / "run" / "broker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "arus", "broker", "start"]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as waiting:
            assert waiting.stderr is not None
            said = "broker: another start is at work: waiting for it ...\n"
            assert waiting.stderr.readline() == said
            waiting.kill()


@pytest.mark.e2e
def test_two_starts_at_once_make_one_broker(own_broker: Make) -> None:
    own = own_broker()
    command = [sys.executable, "-m", "arus", "broker", "start"]
    starts = [subprocess.Popen(command, cwd=ROOT, env=own.env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [start.communicate(timeout=180)[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0]
    assert sorted(text.splitlines()[-1].split(" at ")[0] for text in said) == [
        "broker: already answers",
        "broker: answers",
    ]
    assert all(f"(pid {own.pid})" in text for text in said)


@pytest.mark.e2e
def test_a_kafka_that_is_there_is_used_as_it_is_and_left_running(broker: Broker, own_broker: Make) -> None:
    guest = Broker(own_broker().home, broker.address)
    started = guest.arus("broker", "start")
    assert started.returncode == 0
    assert (
        started.stdout
        == f"broker: a Kafka that is not of {guest.home} answers at {broker.address}: it is used as it is\n"
    )
    assert guest.arus("broker", "run").returncode == 1
    assert guest.arus("broker", "stop").stdout == f"broker: none of {guest.home} runs\n"
    assert is_kafka(address_of(broker))


@pytest.mark.e2e
def test_what_was_acknowledged_survives_kill_9(own_broker: Make) -> None:
    own = own_broker()
    assert own.arus("broker", "start").returncode == 0
    assert own.arus("topics", "create").returncode == 0
    values = [f"message {number}".encode() for number in range(200)]
    send(own, values)
    killed = own.pid
    os.kill(killed, signal.SIGKILL)
    assert own.arus("broker", "start").returncode == 0
    assert own.pid != killed
    assert kept(own, len(values)) == values


@pytest.mark.e2e
def test_two_homes_with_two_ports_run_side_by_side(own_broker: Make) -> None:
    first, second = own_broker(), own_broker()
    for own in (first, second):
        assert own.arus("broker", "start").returncode == 0
        assert own.arus("topics", "create").returncode == 0
    send(first, [b"for the first"])
    send(second, [b"for the second"])
    assert kept(first, 1) == [b"for the first"]
    assert second.arus("broker", "stop").returncode == 0
    assert is_kafka(address_of(first))
    moved = Broker(first.home, second.address).arus("broker", "start")
    assert moved.returncode == 1
    assert f"serves port {address_of(first).port} (pid {first.pid})" in moved.stderr


@pytest.mark.e2e
def test_a_half_formatted_folder_is_moved_aside(own_broker: Make) -> None:
    own = own_broker()
    (own.home / "kafka" / "__cluster_metadata-0").mkdir(parents=True)
    (own.home / "kafka" / "bootstrap.checkpoint").write_bytes(b"half")
    (own.home / "kafka.formatting").mkdir()
    started = own.arus("broker", "start")
    assert started.returncode == 0
    assert "was half formatted and without topics: moved to" in started.stdout
    (aside,) = own.home.glob("kafka.half-formatted-*")
    assert data_files(aside) == ["bootstrap.checkpoint"]


@pytest.mark.e2e
def test_a_broker_that_cannot_start_says_why_in_one_line(own_broker: Make) -> None:
    own = own_broker()
    assert own.arus("broker", "start").returncode == 0
    own.arus("broker", "stop")
    identity = own.home / "kafka" / "meta.properties"
    identity.write_text(identity.read_text().replace("node.id=1", "node.id=7"))
    failed = own.arus("broker", "start")
    assert failed.returncode == 1
    assert failed.stderr.startswith("arus broker: the broker did not start (")
    assert "node" in failed.stderr
    assert failed.stderr.count("\n") == 1


@pytest.mark.e2e
def test_run_becomes_the_broker_that_a_supervisor_can_signal(own_broker: Make) -> None:
    own = own_broker()
    command = [sys.executable, "-m", "arus", "broker", "run"]
    supervised = subprocess.Popen(command, cwd=ROOT, env=own.env, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not is_kafka(address_of(own)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert own.pid == supervised.pid
        assert own.arus("broker", "start").stdout == f"broker: already answers at {own.address} (pid {own.pid})\n"
    finally:
        supervised.terminate()
        ended = supervised.wait(timeout=30)
    assert ended == 128 + signal.SIGTERM
