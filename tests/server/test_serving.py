"""The real thing: `python -m server` with its workers, started, asked, changed under load and stopped."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from arus import models
from arus.home import ROOT
from arus.ping import free_port
from tests.server import sample
from tests.server.running import PATIENCE_SECONDS, Running

TOKEN = "a-token-of-the-tests-0123"  # noqa: S105
ASKED = {"CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}


def test_it_says_where_it_is_and_answers(server: Running) -> None:
    assert server.first_line == f"server: http://127.0.0.1:{server.port} (2 workers, 4 threads each)\n"
    asked = {"model_number": "1", **ASKED}
    assert server.predict(asked) == {**asked, "cluster": 1, "cluster_name": sample.NAMES[1]}
    chunked = (
        b"POST /cluster-customer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    )
    body = json.dumps(ASKED).encode()
    answer = server.raw(chunked + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b'"cluster":1,"cluster_name":"' + sample.NAMES[1].encode() + b'"}')


def test_a_stop_lets_requests_finish_and_leaves_nothing(server: Running) -> None:
    server.ask("GET", "/healthz")
    assert server.stop() == 0
    with pytest.raises(ConnectionRefusedError):
        server.ask("GET", "/healthz")
    assert [line for line in server.lines if "Traceback" in line or "ERROR" in line] == []


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 5_000), 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n" % (b"a" * 10_000), 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (b"X: 1\r\n" * 100), 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400),
        (b"POST /cluster-customer HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET /models HTTP/1.1\r\nConnection: close\r\n\r\n", 421),
        (b"GET /models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421),
        (b"GET /customers/%00%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
    ],
)
def test_what_cannot_be_read_is_a_problem_too(server: Running, sent: bytes, status: int) -> None:
    head, _, body = server.raw(sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status


def test_a_body_that_never_ends_is_cut_off_at_the_limit(server: Running) -> None:
    head = (
        b"POST /cluster-customer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    )
    declared = server.raw(head + b"Content-Length: 1073741824\r\n\r\n{}")
    assert declared.startswith(b"HTTP/1.1 413 ")
    chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    chunked = server.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 5 + b"0\r\n\r\n")
    assert chunked.startswith(b"HTTP/1.1 413 ")


def test_slow_clients_do_not_hold_the_threads(store: Path) -> None:
    assert store
    hasty = "import sys; from server import serving, __main__ as s; serving.REQUEST_SECONDS = 1.0; s.main(sys.argv[1:])"
    server = Running("--workers", "1", start=("-c", hasty))
    dawdling = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    for connection in dawdling:
        connection.sendall(b"POST /cluster-customer HTTP/1.1\r\nHost: loc")
    assert server.ask("GET", "/healthz")[0] == 200
    assert [connection.recv(1) for connection in dawdling] == [b""] * 8
    for connection in dawdling:
        connection.close()
    assert server.stop() == 0
    assert server.lines == []


def test_a_damaged_model_is_refused_and_the_last_one_goes_on(server: Running) -> None:
    folder = sample.write_model(2)
    (folder / models.ENTITIES).write_bytes(b"damaged")
    models.promote(2)
    server.wait_until("/readyz", '"damaged":[{"model_number":2')
    assert server.predict(ASKED)["model_number"] == "1"
    assert json.loads(server.ask("GET", "/readyz")[2])["champion"] == 1
    server.stop()
    assert any("WARNING model 2 is refused: " in line for line in server.lines)


def test_a_worker_that_is_killed_is_replaced_and_its_counts_stay(server: Running) -> None:
    for _ in range(10):
        server.predict(ASKED)
    counted = 'arus_http_requests_total{route="/cluster-customer",method="POST",status="200"} '
    server.wait_until("/metrics", f"{counted}10\n")
    text = server.ask("GET", "/metrics")[2].decode()
    workers = [int(pid) for pid in re.findall(r'arus_worker_cpu_seconds_total\{pid="(\d+)"\}', text)]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    server.wait_until("/metrics", "arus_workers 2\n")
    server.predict(ASKED)
    server.wait_until("/metrics", f"{counted}11\n")


def fails(*options: str, **env: str) -> str:
    """Return the one line of a start that is refused."""
    command = [sys.executable, "-m", "server", *options]
    found = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=False
    )
    assert (found.returncode, found.stdout) == (1, ""), found
    return found.stderr


@pytest.mark.usefixtures("store")
def test_others_are_not_listened_to_without_a_token() -> None:
    line = "server: {} can be reached from elsewhere: set ARUS_SERVER_TOKEN or ARUS_SERVER_TOKEN_FILE\n"
    assert fails("--host", "0.0.0.0") == line.format("0.0.0.0")  # noqa: S104
    assert fails(ARUS_SERVER_HOST="::") == line.format("::")


@pytest.mark.usefixtures("store")
def test_a_token_that_is_no_good_is_refused(tmp_path: Path) -> None:
    short = "server: the token needs at least 16 printable ASCII characters: openssl rand -hex 32\n"
    empty = tmp_path / "token"
    empty.touch()
    assert fails(ARUS_SERVER_TOKEN="short") == short  # noqa: S106
    assert fails(ARUS_SERVER_TOKEN_FILE=str(empty)) == short
    assert "cannot be read" in fails(ARUS_SERVER_TOKEN_FILE=str(tmp_path / "none"))
    assert "unset one of them" in fails(ARUS_SERVER_TOKEN=TOKEN, ARUS_SERVER_TOKEN_FILE=str(empty))


@pytest.mark.usefixtures("store")
def test_with_a_token_it_listens_to_others_who_have_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    port = free_port()
    server = Running("--host", "0.0.0.0", "--port", str(port), ARUS_SERVER_TOKEN_FILE=str(file))  # noqa: S104
    server.port = port
    assert server.ask("GET", "/models")[0] == 401
    assert server.ask("GET", "/models", Authorization=f"Bearer {TOKEN}", Host="arus.example")[0] == 200
    assert server.ask("GET", "/healthz")[0] == 200
    assert server.stop() == 0
    assert TOKEN not in "".join([server.first_line, *server.lines])


def test_a_port_that_is_taken_is_one_clear_line(server: Running) -> None:
    address = f"127.0.0.1:{server.port}"
    line = f"server: cannot listen on {address}: something listens there already: choose another --port\n"
    assert fails("--port", str(server.port)) == line
    assert fails(ARUS_SERVER_PORT=str(server.port)) == line


@pytest.mark.usefixtures("store")
def test_a_store_that_is_no_folder_is_one_clear_line() -> None:
    assert fails(ARUS_STORE="s3a://bucket/arus").startswith("server: ARUS_STORE=s3a://bucket/arus is no local folder")


@pytest.mark.usefixtures("store")
def test_flasks_own_server_is_labelled(store: Path) -> None:
    assert store
    server = Running("--dev")
    assert server.first_line.endswith("(development: Flask's own server, not for use by others)\n")
    assert server.ask("GET", "/healthz")[0] == 200
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(PATIENCE_SECONDS) == 0
    server.reader.join()
    assert server.process.stdout
    server.process.stdout.close()
