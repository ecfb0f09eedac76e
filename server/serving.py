"""How the server runs: gunicorn with threads, on a socket that is bound before anything starts."""

import gc
import socket
import threading
import time
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException, UnsupportedTransferCoding
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker

from server import create_app
from server.counters import Counters
from server.negotiation import PROBLEM_JSON
from server.problems import Problem, document

BACKLOG = 512
KEEPALIVE_SECONDS = 15
GRACEFUL_SECONDS = 10
# A worker that says nothing for so long is replaced.
SILENT_SECONDS = 60
# From the first byte of a request to the last of its answer: a client that dawdles holds a thread no longer.
REQUEST_SECONDS = 20.0
# Of a large body, what comes at least this fast is waited for.
LEAST_BYTES_PER_SECOND = 200_000
LONGEST_LINE_BYTES = 4094
MOST_HEADERS = 50
LONGEST_HEADER_BYTES = 8190
# Rows of counters for each worker: old and new ones overlap when they are replaced.
ROWS_PER_WORKER = 4


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker, with an end to slow requests, and with problem+json for what never reaches the application."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deadlines: dict[TConn, float] = {}
        self.mine = threading.local()

    def handle(self, conn: TConn) -> Any:
        self.mine.conn = conn
        self.deadlines[conn] = time.monotonic() + REQUEST_SECONDS
        try:
            return super().handle(conn)
        finally:
            del self.deadlines[conn]

    def arrived(self, count: int) -> None:
        """Give the request that this thread answers more time, for so many bytes of a large body."""
        self.deadlines[self.mine.conn] += count / LEAST_BYTES_PER_SECOND

    def notify(self) -> None:
        """Runs every second, in the thread that accepts: cut off what is too slow, which ends its thread's wait."""
        super().notify()
        now = time.monotonic()
        for conn, deadline in list(self.deadlines.items()):
            if now > deadline:
                _cut(conn.sock)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:  # noqa: ARG002
        status = status_of(exc)
        if status >= 500:
            self.log.exception("a request failed outside of the application")
        phrase = HTTPStatus(status).phrase
        detail = f"the request cannot be read: {type(exc).__name__}" if status < 500 else "the log says why"
        found = orjson.dumps(document(Problem(status, detail), getattr(req, "path", None) or "/"))
        head = (
            f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Type: {PROBLEM_JSON}\r\n"
            f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(found)}\r\n\r\n"
        )
        try:
            write_nonblock(client, head.encode() + found)
        except OSError:
            self.log.debug("the client left before it was told of its error")


def status_of(error: BaseException) -> int:
    """Return the status for a request that gunicorn could not read."""
    if isinstance(error, LimitRequestLine):
        return 414
    if isinstance(error, LimitRequestHeaders):
        return 431
    if isinstance(error, UnsupportedTransferCoding):
        return 400
    return 400 if isinstance(error, ParseException) else 500


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn around create_app, on a descriptor that listens; each worker makes its own app, with its own threads."""

    def __init__(
        self,
        listener: int,
        workers: int,
        threads: int,
        token: str | None,
        hosts: frozenset[str] | None,
        origins: frozenset[str] = frozenset(),
    ) -> None:
        self.listener, self.workers, self.threads = listener, workers, threads
        self.token, self.hosts, self.origins = token, hosts, origins
        self.counters = Counters(workers * ROWS_PER_WORKER)
        self.free_rows = list(range(workers * ROWS_PER_WORKER))
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"fd://{self.listener}",
            "worker_class": Worker,
            "workers": self.workers,
            "threads": self.threads,
            "backlog": BACKLOG,
            "keepalive": KEEPALIVE_SECONDS,
            "graceful_timeout": GRACEFUL_SECONDS,
            "timeout": SILENT_SECONDS,
            "limit_request_line": LONGEST_LINE_BYTES,
            "limit_request_fields": MOST_HEADERS,
            "limit_request_field_size": LONGEST_HEADER_BYTES,
            # Nobody in front of it is trusted to say who asks, and nobody may steer it by a socket in the user's home.
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "loglevel": "warning",
            "pre_fork": self.give_row,
            "post_fork": self.take_row,
            "child_exit": self.free_row,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        app = create_app(self.counters, self.token, self.hosts, allowed_origins=self.origins)
        app.extensions["catalog"].watch()
        app.extensions["uploads"].arrived = self.worker.arrived
        # What was imported is no garbage, and to look through it again and again takes a twentieth of a worker's time.
        gc.freeze()
        return app

    def give_row(self, _arbiter: Any, worker: Worker) -> None:
        """Runs in the master: a worker's counts go into a row that no living one uses."""
        worker.row = self.free_rows.pop(0) if self.free_rows else 0

    def take_row(self, _arbiter: Any, worker: Worker) -> None:
        self.counters.claim(worker.row)
        self.worker = worker

    def free_row(self, _arbiter: Any, worker: Worker) -> None:
        self.free_rows.append(worker.row)
