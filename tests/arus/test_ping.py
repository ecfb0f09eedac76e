import socket
import threading
from collections.abc import Iterator

import pytest

from arus import ping
from arus.errors import ArusError
from arus.ping import Address
from tests.conftest import Broker, free_port


@pytest.fixture
def echo() -> Iterator[Address]:
    """A server that is not Kafka: it sends back whatever comes."""
    with socket.create_server(("localhost", 0)) as server:
        address = Address("localhost", server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    if sent := connection.recv(1024):
                        connection.sendall(sent)

        thread = threading.Thread(target=serve)
        thread.start()
        yield address
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ("localhost:9092", Address("localhost", 9092)),
        ("127.0.0.1:19092", Address("127.0.0.1", 19092)),
        ("[::1]:9092", Address("::1", 9092)),
        ("kafka1:9092", None),
        ("10.0.0.7:9092", None),
        ("localhost:9092,localhost:9093", None),
    ],
)
def test_only_one_loopback_address_is_for_the_embedded_broker(
    monkeypatch: pytest.MonkeyPatch, servers: str, expected: Address | None
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
    assert ping.embedded_address() == expected


@pytest.mark.parametrize(
    "servers", ["localhost", "localhost:", "localhost:kafka", ":9092", "localhost:70000", "a:1,,b:2"]
)
def test_an_address_that_is_not_host_and_port_is_refused(monkeypatch: pytest.MonkeyPatch, servers: str) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
    with pytest.raises(ArusError, match="host:port is needed"):
        ping.addresses()


def test_an_ipv6_address_is_written_with_brackets() -> None:
    assert str(Address("::1", 9092)) == "[::1]:9092"


def test_a_closed_port_is_neither_open_nor_kafka() -> None:
    nobody = Address("localhost", free_port())
    assert not ping.is_open(nobody)
    assert not ping.is_kafka(nobody)


def test_a_server_that_speaks_something_else_is_open_but_not_kafka(echo: Address) -> None:
    assert ping.is_open(echo)
    assert not ping.is_kafka(echo)
    assert not ping.is_ready(echo)


def test_a_server_that_never_answers_is_not_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ping, "PATIENCE", 0.2)
    with socket.create_server(("localhost", 0)) as silent:
        assert not ping.is_kafka(Address("localhost", silent.getsockname()[1]))


@pytest.mark.e2e
def test_a_kafka_is_known_as_one(broker: Broker) -> None:
    (address,) = ping.addresses()
    assert str(address) == broker.address
    assert ping.is_open(address)
    assert ping.is_kafka(address)
    assert ping.is_ready(address)
