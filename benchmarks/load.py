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
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""
        self.begun = 0.0

    def send(self, request: bytes) -> None:
        self.begun = time.perf_counter()
        self.socket.sendall(request)

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
    load, selector, turns = Load(), selectors.DefaultSelector(), itertools.cycle(requests)
    opened = [Connection(port) for _ in range(connections)]
    begun, busy = time.perf_counter(), time.process_time()
    for number, connection in enumerate(opened):
        selector.register(connection.socket, selectors.EVENT_READ, number)
        connection.send(next(turns))
    while selector.get_map():
        for key, _ in selector.select(PATIENCE_SECONDS) or _given_up(selector, load):
            connection = opened[key.data]
            try:
                answer = connection.answer()
                if answer is None:
                    continue
                load.note(answer, time.perf_counter() - connection.begun)
                hear(key.data, answer)
                if not is_over():
                    connection.send(next(turns))
                    continue
            except OSError as error:
                load.failures.append(str(error))
            selector.unregister(connection.socket)
    load.seconds, load.busy_seconds = time.perf_counter() - begun, time.process_time() - busy
    for connection in opened:
        connection.socket.close()
    selector.close()
    return load


def _given_up(selector: selectors.BaseSelector, load: Load) -> list[tuple[selectors.SelectorKey, int]]:
    for key in list(selector.get_map().values()):
        load.failures.append(f"no answer within {PATIENCE_SECONDS:.0f} s")
        selector.unregister(key.fileobj)
    return []


def after(seconds: float) -> Callable[[], bool]:
    """Return what says when so many seconds have passed from now."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end
