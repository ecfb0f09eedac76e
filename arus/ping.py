"""Asks an address, without a Kafka client and within two seconds, who answers there."""

import ipaddress
import secrets
import socket
import struct
from dataclasses import dataclass

from arus.errors import ArusError
from arus.home import bootstrap_servers

API_VERSIONS = 18
METADATA = 3
PATIENCE = 2.0
NO_TOPICS = struct.pack(">i", 0)
LONGEST_REPLY = 1_000_000


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def addresses() -> list[Address]:
    """Return the addresses of KAFKA_BOOTSTRAP_SERVERS; raise ArusError where one is not host:port."""
    return [_parsed(part.strip()) for part in bootstrap_servers().split(",")]


def embedded_address() -> Address | None:
    """Return the loopback address that the embedded broker may serve; None where a Kafka elsewhere is used as it is."""
    first, *others = addresses()
    return first if first.is_loopback and not others else None


def is_open(address: Address) -> bool:
    """Return whether anything accepts connections there."""
    try:
        socket.create_connection((address.host, address.port), PATIENCE).close()
    except OSError:
        return False
    return True


def is_kafka(address: Address) -> bool:
    """Return whether a Kafka answers there, by one ApiVersions round trip."""
    return len(_ask(address, API_VERSIONS, 0, b"")) > 2


def is_ready(address: Address) -> bool:
    """Return whether that Kafka knows a broker which serves: it answers ApiVersions a little before."""
    brokers = _ask(address, METADATA, 1, NO_TOPICS)[:4]
    return len(brokers) == 4 and struct.unpack(">i", brokers)[0] > 0


def kafka_remedy() -> str:
    """Return what to do where no Kafka answers."""
    if embedded_address():
        return "`python -m arus broker start`"
    return "start that one, or unset KAFKA_BOOTSTRAP_SERVERS"


def kafka_wait(seconds: float) -> str:
    """Return the line on a Kafka that takes its time to answer, at most so many seconds."""
    return f"waiting for Kafka at {bootstrap_servers()}, up to {seconds:g} s ..."


def free_port() -> int:
    """Return a port that is free now, as is the next one (a broker needs two); outgoing connections use higher ones."""
    while True:
        port = 20_000 + 2 * secrets.randbelow(5_000)
        if not is_open(Address("localhost", port)) and not is_open(Address("localhost", port + 1)):
            return port


def _parsed(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ArusError(f"KAFKA_BOOTSTRAP_SERVERS has '{text}' where host:port is needed, such as localhost:9092")
    return Address(host.strip("[]"), int(port))


def _ask(address: Address, api: int, version: int, body: bytes) -> bytes:
    """Send one Kafka request and return the reply's body; empty where no Kafka answers in time."""
    request = struct.pack(">hhih", api, version, 1, -1) + body
    try:
        with socket.create_connection((address.host, address.port), PATIENCE) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            size, correlation = struct.unpack(">ii", _received(connection, 8))
            if correlation != 1 or not 4 < size < LONGEST_REPLY:
                return b""
            return _received(connection, size - 4)
    except OSError:
        return b""


def _received(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (more := connection.recv(size - len(data))):
            raise ConnectionResetError("closed before the whole reply came")
        data += more
    return data
