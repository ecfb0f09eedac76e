"""The broker of docker-compose.yml, started for real by the class that starts it in its image."""

import os
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from arus.home import ROOT
from arus.java import find_java
from arus.ping import Address, is_ready

SERVICE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["kafka"]
IN_CONTAINER = {"CONTAINERS": 19092, "HOST": 9092, "CONTROLLER": 29093}
PATIENCE = 60.0


def free_ports(count: int) -> list[int]:
    with_ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in with_ports]
    for server in with_ports:
        server.close()
    return ports


def environment(data: Path, ports: dict[str, int]) -> dict[str, str]:
    """Return the service's variables with a folder, ports and (for `kafka`) an address of this machine."""
    given = {name: str(value) for name, value in SERVICE["environment"].items()}
    given["KAFKA_LOG_DIRS"] = given["KAFKA_LOG_DIRS"].replace("/var/lib/kafka/data", str(data))
    for name in ("KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_CONTROLLER_QUORUM_VOTERS"):
        given[name] = given[name].replace("${ARUS_KAFKA_PORT:-9092}", "9092").replace("kafka:", "127.0.0.2:")
        # Loopback only, where the container listens on all of its own addresses.
        given[name] = (
            given[name].replace("CONTAINERS://:", "CONTAINERS://127.0.0.2:").replace("HOST://:", "HOST://127.0.0.1:")
        )
        for listener, port in IN_CONTAINER.items():
            given[name] = given[name].replace(f":{port}", f":{ports[listener]}")
    return given


def java(given: dict[str, str], *arguments: str | Path) -> list[str | Path]:
    options = shlex.split(given["KAFKA_HEAP_OPTS"]) + shlex.split(given["KAFKA_LOG4J_OPTS"])
    return [find_java(), *options, "-cp", f"{ROOT}/.jars/broker/*", *arguments]


def formatted(folder: Path, given: dict[str, str]) -> Path:
    """Let the image's own entry class join the mounted file and the variables, and format the storage."""
    for name in ("default", "mounted", "final"):
        (folder / name).mkdir()
    mounts = dict(volume.removesuffix(":ro").split(":") for volume in SERVICE["volumes"])
    settings = next(source for source, target in mounts.items() if target == "/mnt/shared/config/server.properties")
    (folder / "mounted" / "server.properties").write_text((ROOT / settings).read_text())
    folders = [f"--{name}-configs-dir={folder / name}" for name in ("default", "mounted", "final")]
    command = java(given, "kafka.docker.KafkaDockerWrapper", "setup", *folders)
    subprocess.run(command, env={**os.environ, **given}, check=True, timeout=PATIENCE, capture_output=True)
    return folder / "final" / "server.properties"


@contextmanager
def running(folder: Path, ports: dict[str, int]) -> Iterator[None]:
    given = environment(folder / "data", ports)
    settings = formatted(folder, given)
    with (folder / "broker.log").open("w") as log:
        broker = subprocess.Popen(java(given, "kafka.Kafka", settings), stdout=log, stderr=log)
    try:
        yield
    finally:
        broker.terminate()
        try:
            broker.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            broker.kill()
            broker.wait()


def brokers_known_at(host: str, port: int) -> list[tuple[str, int]]:
    """Return host and port of the brokers that a client which came by this address is told to use."""
    from kafka import KafkaAdminClient

    deadline = time.monotonic() + PATIENCE
    while not is_ready(Address(host, port)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    client = KafkaAdminClient(bootstrap_servers=f"{host}:{port}")
    brokers = client.describe_cluster()["brokers"]
    client.close()
    return [(broker["host"], broker["port"]) for broker in brokers]


# kafka-python reads its message formats in a way that newer Pythons deprecate.
@pytest.mark.filterwarnings("ignore:(read|open)_text is deprecated:DeprecationWarning")
@pytest.mark.e2e
def test_each_client_is_sent_on_to_an_address_that_it_can_reach(tmp_path: Path) -> None:
    folder = tmp_path / "with a space"
    folder.mkdir()
    ports = dict(zip(IN_CONTAINER, free_ports(3), strict=True))
    with running(folder, ports):
        assert brokers_known_at("127.0.0.2", ports["CONTAINERS"]) == [("127.0.0.2", ports["CONTAINERS"])]
        assert brokers_known_at("127.0.0.1", ports["HOST"]) == [("localhost", ports["HOST"])]
