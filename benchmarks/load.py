"""HTTP load from one light process: kept connections, requests made beforehand, and answers hardly read."""

import itertools
import json
import math
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

RECEIVE_BYTES = 1 << 18
# A server that says nothing for so long has failed.
PATIENCE_SECONDS = 60.0
OK = b"200"
# Flask's own server says so after each answer.
CLOSES = b"\r\nConnection: close\r\n"


@dataclass
class Load:
    """What came of it: the seconds that each answer took, how long all of them took, and what failed."""

    taken: list[float] = field(default_factory=list)
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    busy_seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.taken) / self.seconds

    def milliseconds(self, percentile: int) -> float:
        """Return what so many per cent of the answers took at most (nearest rank)."""
        return 1000 * sorted(self.taken)[math.ceil(percentile / 100 * len(self.taken)) - 1]

    def note(self, answer: bytes, seconds: float) -> None:
        self.taken.append(seconds)
        if answer[9:12] != OK:
            self.failures.append(answer[:500].decode(errors="replace"))


class Connection:
    """A kept connection with one request under way."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = opened(port)
        self.got = b""
        self.begun = 0.0

    def send(self, request: bytes) -> None:
        self.begun = time.perf_counter()
        self.socket.sendall(request)

    def reopen(self) -> None:
        self.socket.close()
        self.socket = opened(self.port)

    def answer(self) -> bytes | None:
        """Return the whole answer, or None while some of it is missing; ConnectionError where no more will come."""
        received = self.socket.recv(RECEIVE_BYTES)
        if not received:
            raise ConnectionError("the server hung up")
        self.got += received
        head = self.got.find(b"\r\n\r\n")
        if head < 0 or len(self.got) < head + 4 + content_length(self.got[:head]):
            return None
        answer, self.got = self.got, b""
        return answer


def opened(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def content_length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def post(path: str, body: Any) -> bytes:
    """Return the bytes of a request with a JSON body."""
    sent = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}"
    return head.encode() + b"\r\n\r\n" + sent


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def body_of(answer: bytes) -> Any:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def drive(
    port: int,
    requests: Sequence[bytes],
    connections: int,
    is_over: Callable[[], bool],
    hear: Callable[[int, bytes], None] = lambda *_: None,
) -> Load:
    """Send requests in turn, each connection its next when it has an answer; when it is over, wait for the last ones.

    `hear` is told of each answer, with the number of its connection.
    """
    driver = Driver(port, requests, connections, is_over, hear)
    begun, busy = time.perf_counter(), time.process_time()
    driver.run()
    driver.load.seconds, driver.load.busy_seconds = time.perf_counter() - begun, time.process_time() - busy
    driver.close()
    return driver.load


class Driver:
    """The connections of a load, those that wait for an answer in a selector."""

    def __init__(
        self,
        port: int,
        requests: Sequence[bytes],
        connections: int,
        is_over: Callable[[], bool],
        hear: Callable[[int, bytes], None],
    ) -> None:
        self.load, self.is_over, self.hear = Load(), is_over, hear
        self.turns = itertools.cycle(requests)
        self.selector = selectors.DefaultSelector()
        self.connections = [Connection(port) for _ in range(connections)]

    def run(self) -> None:
        for number in range(len(self.connections)):
            self.ask(number)
        while self.selector.get_map():
            ready = self.selector.select(PATIENCE_SECONDS)
            if not ready:
                self.load.failures += [f"no answer within {PATIENCE_SECONDS:.0f} s"] * len(self.selector.get_map())
                return
            for key, _ in ready:
                try:
                    self.take(key.data)
                except OSError as error:
                    self.load.failures.append(str(error))
                    self.selector.unregister(key.fileobj)

    def ask(self, number: int) -> None:
        connection = self.connections[number]
        connection.send(next(self.turns))
        self.selector.register(connection.socket, selectors.EVENT_READ, number)

    def take(self, number: int) -> None:
        """Read from a connection; where that completes an answer, note it and send the next request."""
        connection = self.connections[number]
        answer = connection.answer()
        if answer is None:
            return
        self.load.note(answer, time.perf_counter() - connection.begun)
        self.hear(number, answer)
        if self.is_over():
            self.selector.unregister(connection.socket)
        elif CLOSES in answer:
            self.selector.unregister(connection.socket)
            connection.reopen()
            self.ask(number)
        else:
            connection.send(next(self.turns))

    def close(self) -> None:
        for connection in self.connections:
            connection.socket.close()
        self.selector.close()


def after(seconds: float) -> Callable[[], bool]:
    """Return what says when so many seconds have passed from now."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end
