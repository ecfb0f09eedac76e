"""Bodies that come as gzip, and addresses with a slash at their end."""

import gzip
import json
import tracemalloc
import zlib
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from arus.ping import free_port
from server.predictions import MOST_BODY_BYTES
from tests.server import sample
from tests.server.running import Running
from tests.server.uploading import FORM, JPEG, body, part

ASKED = {"model_number": "1", "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}
ANSWER = {**ASKED, "cluster": 1, "cluster_name": sample.NAMES[1]}
PLAIN = json.dumps(ASKED).encode()
SENT = gzip.compress(PLAIN, mtime=0)


def post(client: FlaskClient, sent: bytes, coding: str, path: str = "/cluster-customer") -> TestResponse:
    headers = {"Content-Encoding": coding}
    return client.post(path, data=sent, content_type="application/json", headers=headers)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", " gzip ", "identity, gzip", "gzip,"])
def test_a_gzip_body_is_read(client: FlaskClient, coding: str) -> None:
    response = post(client, SENT, coding)
    assert (response.status_code, response.json) == (200, ANSWER)


@pytest.mark.parametrize("coding", ["identity", "", "Identity", ","])
def test_identity_is_nothing(client: FlaskClient, coding: str) -> None:
    assert post(client, PLAIN, coding).json == ANSWER


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, br", "aes128gcm", "x" * 100])
def test_any_other_encoding_is_refused_by_its_name(client: FlaskClient, coding: str) -> None:
    response = post(client, SENT, coding)
    assert (response.status_code, response.headers["Accept-Encoding"]) == (415, "gzip")
    assert response.json
    detail = f"the body's Content-Encoding is {coding[:40]}: send it as it is, or as gzip"
    assert response.json["detail"] == detail


def with_wrong_sum(sent: bytes) -> bytes:
    return sent[:-8] + bytes([sent[-8] ^ 1]) + sent[-7:]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "its gzip is cut off"),
        *((SENT[:length], "its gzip is cut off") for length in (1, 9, 12, len(SENT) // 2, len(SENT) - 1)),
        (PLAIN, "is not the gzip that it is said to be"),
        (zlib.compress(PLAIN), "is not the gzip that it is said to be"),
        (b"\x1f\x8b\x08" + b"\xff" * 60, "is not the gzip that it is said to be"),
        (with_wrong_sum(SENT), "incorrect data check"),
        (SENT + SENT, "goes on behind the end of its gzip"),
        (SENT + b"\0", "goes on behind the end of its gzip"),
        (gzip.compress(SENT, mtime=0), "the body is not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_a_gzip_that_is_none_or_not_whole_is_a_bad_request(client: FlaskClient, sent: bytes, reason: str) -> None:
    response = post(client, sent, "gzip")
    assert (response.status_code, response.content_type) == (400, "application/problem+json")
    assert reason in response.text


def test_the_limit_is_that_of_the_decoded_bytes(client: FlaskClient) -> None:
    padded = PLAIN + b" " * (MOST_BODY_BYTES - len(PLAIN))
    assert post(client, gzip.compress(padded), "gzip").status_code == 200
    assert post(client, gzip.compress(padded + b" "), "gzip").status_code == 413


def test_a_gzip_bomb_is_stopped_at_the_limit(client: FlaskClient) -> None:
    bomb = gzip.compress(bytes(1 << 28))
    assert len(bomb) < MOST_BODY_BYTES
    tracemalloc.start()
    response = post(client, bomb, "gzip")
    rise = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert response.status_code == 413
    assert rise < 4 * MOST_BODY_BYTES


def test_a_form_comes_as_it_is(client: FlaskClient) -> None:
    sent = gzip.compress(body(part(JPEG, "a.jpg")))
    response = client.post("/upload", data=sent, headers={"Content-Encoding": "gzip", "Content-Type": FORM})
    assert response.status_code == 415
    assert response.json
    assert response.json["detail"] == "the form's Content-Encoding is gzip: send it as it is"


def test_gzip_goes_through_the_real_server(server: Running) -> None:
    head = b"POST /cluster-customer/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    more = b"Connection: close\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = server.raw(head + more + b"%x\r\n%s\r\n0\r\n\r\n" % (len(SENT), SENT))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b'"cluster":1,"cluster_name":"' + sample.NAMES[1].encode() + b'"}')


GET_PATHS = (
    *("/docs", "/models", "/models/1", "/openapi.json", "/healthz", "/readyz", "/metrics", "/upload"),
    *("/customers/17850", "/countries/United Kingdom", "/countries/Bosnia/Herzegovina"),
)


@pytest.mark.parametrize("path", GET_PATHS)
def test_a_slash_at_the_end_changes_nothing(client: FlaskClient, path: str) -> None:
    plain, slashed = client.get(path), client.get(f"{path}/?x=1")
    assert (plain.status_code, slashed.status_code) == (200, 200)
    if path != "/metrics":
        assert slashed.data == plain.data


def test_no_route_is_left_out(app: Flask) -> None:
    no_page = {"/", "/static/<path:filename>"}
    assert {rule.rule for rule in app.url_map.iter_rules() if rule.strict_slashes} <= no_page


def test_what_is_posted_to_an_address_with_a_slash_is_answered(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(client, SENT, "gzip", "/cluster-customer/").json == {
        **ASKED,
        "cluster": 1,
        "cluster_name": sample.NAMES[1],
    }
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{free_port()}")
    response = client.post("/upload/", data=body(part(b"x", "a.jpg")), headers={"Content-Type": FORM})
    assert response.status_code == 415


@pytest.mark.parametrize(
    "path", ["//evil.example/", "//evil.example/docs/", "/docs//", "//docs/", "/\\evil.example/", "/nothing/"]
)
def test_nothing_is_redirected(server: Running, path: str) -> None:
    answer = server.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head = answer.partition(b"\r\n\r\n")[0]
    assert head.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 200 "))
    assert b"location" not in head.lower()


def test_the_results_of_uploads_have_their_slash_too(client: FlaskClient, store: Path) -> None:
    assert store
    for path in ("/images/nothing/", "/images/nothing/result/", "/images.zip/"):
        assert "there is nothing here" not in client.get(path).text
