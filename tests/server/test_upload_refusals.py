"""Uploads that are refused: nothing is left of them, and the answer says in words what is wrong."""

import gc
import json
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from arus.ping import free_port
from server import create_app, queueing, receiving
from server.guards import is_cross_site
from server.pressure import Buckets, Limits
from server.reasons import in_words
from tests.arus.image_samples import bombs, png
from tests.server.uploading import BOUNDARY, FORM, JPEG, PNG, body, part, post, send, stored

TOKEN = "0123456789abcdef-token"  # noqa: S105
MOST_RISE_BYTES = 32 * 1024 * 1024


@pytest.fixture(autouse=True)
def no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused needs none: a test that reaches for it is told that it is away."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{free_port()}")


@pytest.fixture(autouse=True)
def nothing_left(store: Path) -> Iterator[None]:
    yield
    assert stored(store) == stored(store, "waiting") == []


@pytest.mark.parametrize(
    ("content", "status", "detail"),
    [
        (b"", 422, "it is empty"),
        (b"<html><script>alert(1)</script>", 415, "it is no image: by its content it is none of JPEG, PNG and WebP"),
        (b"GIF89a" + bytes(100), 415, "it is GIF, but must be JPEG, PNG or WebP"),
        (b"BM" + bytes(100), 415, "it is BMP, but must be JPEG, PNG or WebP"),
        (JPEG[:200], 422, "it ends too early: send the whole file"),
        (PNG[:-20], 422, "it ends too early: send the whole file"),
        (png(60_000, 60_000, b""), 413, "it has more than 50 million pixels: make it smaller first"),
        (png(0, 100, b""), 422, "it is damaged"),
        (JPEG + bytes(20_000_001), 413, "it is larger than 20 MB"),
    ],
)
def test_what_is_no_image_to_work_with_is_refused_in_words(
    client: FlaskClient, content: bytes, status: int, detail: str
) -> None:
    response = send(client, (content, "leaf.jpg"))
    found: Any = response.json
    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    assert (found["type"], found["detail"]) == ("/docs#images-refused", f"leaf.jpg: {detail}")
    assert {**found["errors"][0], "reason": ""} == {
        "field": "file",
        "index": 0,
        "filename": "leaf.jpg",
        "reason": "",
        "detail": detail,
    }


def test_every_file_of_a_request_is_named_with_its_reason(client: FlaskClient) -> None:
    response = send(client, (b"x", "a.jpg"), (b"", "b.jpg"))
    found: Any = response.json
    assert response.status_code == 422
    assert [(one["index"], one["filename"], one["reason"]) for one in found["errors"]] == [
        (0, "a.jpg", "not-an-image"),
        (1, "b.jpg", "empty"),
    ]


def test_bombs_cost_nothing(client: FlaskClient) -> None:
    # The header of the one with texts is in order: the job finds that it ends too early.
    for name, content, reason in (bomb for bomb in bombs() if bomb[0] != "png-text"):
        gc.collect()
        response = send(client, (content, name))
        assert response.json
        assert [one["reason"] for one in response.json["errors"]] == [reason], name


MISSING = (
    "the form has no file in its field `file`: curl -F file=@image.jpg; files are taken from "
    "`file`, `image`, `photo`, `picture` and `upload`, with `s` or `[]` for several"
)


@pytest.mark.parametrize(
    ("sent", "came"),
    [
        (body(), ""),
        (body(part(b"", "")), ""),
        (body(part(JPEG, "a.jpg", "leaf"), part(b"x", None, "image")), "; there came 'leaf', 'image'"),
        (body(part(JPEG, "a.jpg", "<b>\u00e9")), "; there came '<b>\u00e9'"),
        (body(part(JPEG, "a.jpg", "x" * 1_000)), f"; there came '{'x' * 39}..."),
        (body(*[part(b"", "a.jpg", "x")] * 50), "; there came " + ", ".join(["'x'"] * 20)),
    ],
    ids=range(6),
)
def test_a_form_without_files_is_refused_and_its_fields_are_named(client: FlaskClient, sent: bytes, came: str) -> None:
    response = post(client, sent)
    assert response.status_code == 422
    assert response.json
    assert response.json["detail"] == MISSING + came
    assert response.json["errors"] == [{"field": "file", "detail": "is missing"}]


WHOLE = body(part(PNG, "a.png"), part(JPEG, "b.jpg"))


@pytest.mark.parametrize("length", [0, 1, 30, 120, 400, len(WHOLE) // 2, len(WHOLE) - 60, len(WHOLE) - 10])
def test_a_form_that_ends_too_early_is_refused_whole(client: FlaskClient, length: int) -> None:
    assert post(client, WHOLE[:length]).status_code == 400


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 415),
        ("image/jpeg", 415),
        ("multipart/mixed; boundary=x", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        (f"multipart/form-data; boundary={'x' * 1000}", 400),
        ("multipart/form-data; boundary=another", 400),
        ("", 415),
    ],
)
def test_what_is_no_form_is_refused(client: FlaskClient, kind: str, status: int) -> None:
    assert client.post("/upload", data=WHOLE, content_type=kind).status_code == status


def test_a_boundary_as_long_as_no_client_makes_it_is_refused(client: FlaskClient) -> None:
    long = BOUNDARY + "x" * 1000
    sent = WHOLE.replace(BOUNDARY.encode(), long.encode())
    assert client.post("/upload", data=sent, content_type=f"multipart/form-data; boundary={long}").status_code == 400


def test_more_than_twenty_files_are_refused_together(client: FlaskClient) -> None:
    response = send(client, *[(PNG, "a.png")] * 21)
    assert response.status_code == 413
    assert response.json
    assert response.json["detail"] == "a request has at most 20 files"


class Endless:
    """A body of so many bytes, made as it is read; `read_bytes` says how much of it was."""

    def __init__(self, start: bytes, size: int) -> None:
        self.start, self.left, self.read_bytes = start, size, 0

    def read(self, count: int = -1) -> bytes:
        given = self.start or b"x" * max(0, min(self.left, count if count >= 0 else 65_536))
        self.start = b""
        self.left -= len(given)
        self.read_bytes += len(given)
        return given


@pytest.mark.parametrize(
    ("kind", "start", "size", "declared", "status", "most_read"),
    [
        ("application/x-www-form-urlencoded", b"file=", 100_000_000, True, 415, 0),
        ("application/x-www-form-urlencoded", b"file=", 100_000_000, False, 415, 0),
        (FORM, part(b"", "a.jpg")[:-2], 1 << 30, True, 413, 0),
        (FORM, part(b"", "a.jpg")[:-2], 1 << 30, False, 413, 60_200_000),
        (FORM, part(b"", "a.jpg", "other")[:-2], 1 << 30, False, 413, 60_200_000),
        (FORM, b"--" + BOUNDARY.encode() + b"\r\nX: ", 1 << 30, False, 413, 600_000),
        (FORM, b"preamble", 1 << 30, False, 413, 60_200_000),
        (FORM, b"".join(part(b"", None, "a") for _ in range(10_001)), 0, False, 413, 1_000_000),
    ],
)
def test_a_body_without_end_costs_no_memory(
    client: FlaskClient, kind: str, start: bytes, size: int, declared: bool, status: int, most_read: int
) -> None:
    stream = Endless(start, size)
    headers = {"CONTENT_LENGTH": str(len(start) + size)} if declared else {"wsgi.input_terminated": True}
    # The test client would put a boundary of its own into a type that is given to it in any other way.
    environ = {"wsgi.input": stream, "CONTENT_TYPE": kind, **headers}
    tracemalloc.start()
    response = client.post("/upload", environ_overrides=environ)
    rise = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert response.status_code == status, response.text
    if size == 1 << 30 and most_read != 600_000:
        assert "a request has at most 60 MB: send fewer files at once" in response.text
    assert stream.read_bytes <= most_read
    assert rise < MOST_RISE_BYTES


def test_without_kafka_nothing_is_kept_and_the_answer_says_when_to_come_again(client: FlaskClient) -> None:
    for _ in range(2):
        response = send(client, (JPEG, "a.jpg"), (PNG, "b.png"))
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert response.json
        assert response.json["detail"].endswith("python -m arus broker start")
    assert 'arus_uploads_total{outcome="unsent"} 2\n' in client.get("/metrics").text


def test_while_kafka_is_away_a_body_is_read_past_and_not_kept(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "AWAY_SECONDS", 600.0)
    assert send(client, (JPEG, "a.jpg")).status_code == 503
    monkeypatch.delattr(receiving, "part_file")
    stream = Endless(WHOLE, 0)
    environ = {"wsgi.input": stream, "CONTENT_LENGTH": str(len(WHOLE))}
    response = client.post("/upload", content_type=FORM, environ_overrides=environ)
    assert (response.status_code, stream.read_bytes) == (503, len(WHOLE))


def test_a_disk_that_is_full_is_said(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(receiving, "part_file", full)
    response = send(client, (JPEG, "a.jpg"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
    assert response.json
    assert response.json["detail"] == "the upload cannot be stored (No space left on device)"


def test_parts_that_a_killed_server_left_are_removed_after_an_hour(client: FlaskClient, store: Path) -> None:
    folder = store / "storage" / "uploads"
    folder.mkdir(parents=True)
    old, new = folder / ".old.part", folder / ".new.part"
    for file in (old, new):
        file.touch()
    os.utime(old, (0, 0))
    send(client, (b"x", "a.jpg"))
    assert stored(store) == [new.name]
    new.unlink()


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({}, False),
        ({"HTTP_SEC_FETCH_SITE": "same-origin"}, False),
        ({"HTTP_SEC_FETCH_SITE": "none"}, False),
        ({"HTTP_SEC_FETCH_SITE": "same-site"}, True),
        ({"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_ORIGIN": "http://localhost:5000"}, True),
        ({"HTTP_ORIGIN": "http://localhost:5000"}, False),
        ({"HTTP_ORIGIN": "https://LOCALHOST:5000"}, False),
        ({"HTTP_ORIGIN": "http://localhost:5001"}, True),
        ({"HTTP_ORIGIN": "http://evil.example"}, True),
        ({"HTTP_ORIGIN": "null"}, True),
        ({"HTTP_ORIGIN": "localhost:5000"}, True),
        ({"HTTP_ORIGIN": ""}, True),
    ],
)
def test_a_page_of_another_site_is_known_by_what_the_browser_says(headers: dict[str, str], is_refused: bool) -> None:
    assert is_cross_site({"HTTP_HOST": "localhost:5000", **headers}) is is_refused


def test_a_form_of_another_site_uploads_nothing(client: FlaskClient) -> None:
    response = send(client, (JPEG, "a.jpg"), Origin="http://evil.example")
    assert (response.status_code, response.content_type) == (403, "application/problem+json")


@pytest.mark.usefixtures("app")
def test_with_a_token_only_who_has_it_uploads() -> None:
    client = create_app(token=TOKEN).test_client()
    assert send(client, (b"x", "a.jpg")).status_code == 401
    assert send(client, (b"x", "a.jpg"), Authorization=f"Bearer {TOKEN}").status_code == 415


def test_an_address_that_asks_too_often_is_told_to_wait(app: Flask) -> None:
    limits = Limits(requests_per_second=0.001, requests_at_once=2)
    client = create_app(limits=limits).test_client()
    statuses = [send(client, (b"x", "a.jpg")).status_code for _ in range(3)]
    response = send(client, (b"x", "a.jpg"))
    assert statuses == [415, 415, 429]
    assert 900 <= int(response.headers["Retry-After"]) <= 1000
    assert send(app.test_client(), (b"x", "a.jpg")).status_code == 415


def test_a_bucket_fills_again_and_each_address_has_its_own() -> None:
    buckets = Buckets(per_second=2.0, at_once=3)
    assert [buckets.take("a", 10.0) for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    assert buckets.take("b", 10.0) == 0
    assert [buckets.take("a", 10.5), buckets.take("a", 10.75)] == [0, 0.25]
    assert [buckets.take("a", 99.0) for _ in range(4)] == [0, 0, 0, 0.5]


def test_addresses_are_forgotten_so_that_many_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.pressure.MOST_ADDRESSES", 3)
    buckets = Buckets(per_second=1.0, at_once=1)
    for address in "abcd":
        buckets.take(address, 0.0)
    assert [buckets.take(address, 0.0) for address in "da"] == [1.0, 0.0]


def test_a_reason_that_is_not_known_is_shown_as_it_is() -> None:
    assert [in_words("new-thing:1"), in_words("decoder-failed:ValueError")] == [
        "it cannot be used (new-thing:1)",
        "the decoder failed on it",
    ]


def test_a_refusal_by_page_names_the_file(client: FlaskClient) -> None:
    response = send(client, (b"x", "<b>.jpg"), Accept="text/html")
    assert response.status_code == 415
    assert "<strong>&lt;b&gt;.jpg</strong>: it is no image" in response.text
    assert json.dumps("<b>.jpg") not in response.text
