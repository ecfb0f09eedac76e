"""Uploads to the real thing: `python -m server` with its workers, slow clients, and a Kafka that goes and comes."""

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from arus.ping import addresses, is_open
from server import queueing, uploads
from tests.arus.image_samples import jpeg
from tests.conftest import Broker
from tests.e2e.support import until
from tests.server.running import PATIENCE_SECONDS, Running
from tests.server.uploading import FORM, JPEG, PNG, body, messages, part, post, send, stored

# kafka-python leaves a socket open when a broker dies.
UNCLOSED = "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = pytest.mark.e2e
HASTY = (
    "import sys; from server import serving, uploads, __main__ as s; serving.REQUEST_SECONDS = 1.0; "
    "serving.LEAST_BYTES_PER_SECOND = 10_000; uploads.CHUNK_BYTES = 10_000; s.main(sys.argv[1:])"
)
HEAD = f"POST /upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {FORM}\r\n"


def upload(port: int, sent: bytes) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.request("POST", "/upload", sent, {"Content-Type": FORM})
    response = connection.getresponse()
    found = response.status, json.loads(response.read())
    connection.close()
    return found


def test_uploads_at_once_are_all_accepted_and_sent(broker: Broker, server: Running, store: Path) -> None:
    files = [jpeg(40 + number, number) for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda content: upload(server.port, body(part(content, "a.jpg"))), files))
    assert [answer for status, answer in found if status != 202] == []
    ids = [answer["id"] for _, answer in found]
    assert len(set(ids)) == 60
    sent = messages(broker)
    assert [sent[upload_id][0] for upload_id in ids] == files
    assert stored(store) == sorted(f"{upload_id}.{end}" for upload_id in ids for end in ("jpg", "json"))
    assert server.stop() == 0
    assert [line for line in server.lines if "Traceback" in line or "ERROR" in line] == []


def test_a_body_in_chunks_is_accepted_and_one_without_end_refused(broker: Broker, server: Running) -> None:
    assert broker
    head = (HEAD + "Transfer-Encoding: chunked\r\n\r\n").encode()
    sent = body(part(JPEG, "a.jpg"))
    answer = server.raw(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent))
    assert answer.startswith(b"HTTP/1.1 202 ")
    declared = server.raw(HEAD.encode() + b"Content-Length: 1073741824\r\n\r\n")
    assert declared.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("header", "status"), [({"Sec-Fetch-Site": "cross-site"}, 403), ({"Content-Type": "a/b"}, 415)]
)
def test_who_is_refused_at_once_still_gets_the_answer(server: Running, header: dict[str, str], status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
    connection.request("POST", "/upload", bytes(20_000_000), {"Content-Type": FORM, **header})
    assert connection.getresponse().status == status
    connection.close()


@pytest.fixture
def hasty(broker: Broker, store: Path) -> Running:
    """A server that waits a second for a request, and longer for a body that comes steadily, in smaller pieces."""
    assert broker
    assert store
    return Running("--workers", "1", start=("-c", HASTY))


def test_a_body_that_stops_is_cut_off_and_nothing_is_left(hasty: Running, store: Path) -> None:
    dawdling = [socket.create_connection(("127.0.0.1", hasty.port)) for _ in range(8)]
    for connection in dawdling:
        connection.sendall((HEAD + "Content-Length: 100000\r\n\r\n").encode() + part(JPEG, "a.jpg")[:300])
    assert hasty.ask("GET", "/healthz")[0] == 200
    for connection in dawdling:
        connection.settimeout(PATIENCE_SECONDS)
        while connection.recv(65536):
            pass
        connection.close()
    until(lambda: stored(store) == [], "the parts to go")
    assert hasty.stop() == 0
    assert hasty.lines == []


def test_a_large_body_that_comes_steadily_is_waited_for(hasty: Running) -> None:
    sent = body(part(JPEG + bytes(300_000), "a.jpg"))
    with socket.create_connection(("127.0.0.1", hasty.port), PATIENCE_SECONDS) as connection:
        connection.sendall((HEAD + f"Content-Length: {len(sent)}\r\n\r\n").encode())
        for first in range(0, len(sent), 70_000):
            connection.sendall(sent[first : first + 70_000])
            time.sleep(0.8)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 202 ")
    hasty.stop()


def test_the_slow_have_a_few_places_and_the_others_go_on(
    broker: Broker, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert broker
    monkeypatch.setattr(uploads, "SLOW_SECONDS", -1.0)
    places = app.extensions["uploads"].slow_places
    for _ in range(uploads.MOST_SLOW):
        assert places.acquire(blocking=False)
    response = send(app.test_client(), (JPEG, "a.jpg"))
    assert (response.status_code, response.headers["Retry-After"]) == (429, "5")
    places.release()
    assert [send(app.test_client(), (JPEG, "a.jpg")).status_code for _ in range(3)] == [202] * 3


@pytest.mark.filterwarnings(UNCLOSED)
def test_uploads_go_on_when_kafka_comes_back_and_what_was_refused_never_arrives(
    own_broker: Callable[[], Broker], client: FlaskClient, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = own_broker()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.address)
    # The producer would go on trying for a minute; the server gives up before.
    monkeypatch.setattr(queueing, "SEND_SECONDS", 60.0)
    assert send(client, (JPEG, "a.jpg")).status_code == 503
    assert broker.arus("broker", "start").returncode == broker.arus("topics", "create").returncode == 0
    ids: list[str] = []
    until(lambda: taken(client, ids), "an upload")
    os.kill(broker.pid, signal.SIGKILL)
    until(lambda: not is_open(addresses()[0]), "the end of the broker")
    monkeypatch.setattr(queueing, "SEND_SECONDS", 2.0)
    for _ in range(2):
        response = post(client, body(part(JPEG, "a.jpg"), part(PNG, "b.png")))
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert len(stored(store)) == 2 * len(ids)
    assert broker.arus("broker", "start").returncode == 0
    until(lambda: taken(client, ids), "an upload")
    assert set(messages(broker)) == set(ids)
    assert len(stored(store)) == 2 * len(ids) == 4


def taken(client: FlaskClient, ids: list[str]) -> bool:
    """Upload an image; note its id and return True where it is accepted."""
    response = send(client, (JPEG, "a.jpg"))
    assert response.status_code in (202, 503)
    if response.status_code == 202 and response.json:
        ids.append(response.json["id"])
    return response.status_code == 202
