"""Pages of other servers: which may ask, what their browsers are told, and who stays out."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from arus.errors import ArusError
from arus.ping import free_port
from server import create_app
from server.origins import origins_in
from tests.server.running import Running
from tests.server.test_serving import fails
from tests.server.uploading import send

PAGE = "http://localhost:3000"
OTHERS = (
    *("http://localhost:3001", "https://localhost:3000", "http://evil.example", "null", "", "*"),
    *(f"{PAGE}.evil.example", f"{PAGE}/", f"{PAGE}, {PAGE}", "HTTP://LOCALHOST:3000", "http://localhost"),
)
TOKEN = "0123456789abcdef-token"  # noqa: S105
ASKED = json.dumps({"model_number": "1", "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0})
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


@pytest.fixture
def shared(app: Flask) -> FlaskClient:
    """A client of a server that lets pages of PAGE and of another one ask."""
    assert app
    return made()


def made(token: str | None = None) -> FlaskClient:
    app = create_app(token=token, allowed_origins=frozenset({PAGE, "https://example.org"}))
    app.extensions["catalog"].refresh()
    return app.test_client()


def ask(client: FlaskClient, origin: str, **headers: str) -> TestResponse:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        "/cluster-customer", data=ASKED, content_type="application/json", headers={"Origin": origin, **found}
    )


def shown(response: TestResponse) -> dict[str, str]:
    """Return the headers that browsers heed about other origins."""
    return {name: value for name, value in response.headers if name.startswith("Access-Control-")}


def test_a_page_that_is_named_reads_the_answer(shared: FlaskClient) -> None:
    response = ask(shared, PAGE)
    assert response.status_code == 200
    expected = {"Access-Control-Allow-Origin": PAGE, "Access-Control-Expose-Headers": "Retry-After"}
    assert shown(response) == expected
    assert response.headers.getlist("Vary") == ["Origin"]
    for path in ("/nothing", "/models", "/docs"):
        assert shown(shared.get(path, headers={"Origin": "https://example.org"})) == {
            **expected,
            "Access-Control-Allow-Origin": "https://example.org",
        }


@pytest.mark.parametrize("path", ["/cluster-customer", "/upload", "/models", "/upload/", "/nothing"])
def test_its_browser_may_ask_before(shared: FlaskClient, path: str) -> None:
    response = shared.options(path, headers={"Origin": PAGE, **PREFLIGHT})
    assert (response.status_code, response.data) == (204, b"")
    assert shown(response) == {
        "Access-Control-Allow-Origin": PAGE,
        "Access-Control-Expose-Headers": "Retry-After",
        "Access-Control-Allow-Methods": "GET, HEAD, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Encoding, Content-Type",
        "Access-Control-Max-Age": "600",
    }
    assert response.headers.getlist("Vary") == ["Origin"]
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("origin", OTHERS)
def test_any_other_page_is_told_nothing(shared: FlaskClient, origin: str) -> None:
    for response in (
        ask(shared, origin),
        shared.options("/cluster-customer", headers={"Origin": origin, **PREFLIGHT}),
    ):
        assert shown(response) == {}
        assert response.headers.getlist("Vary")[-1] == "Origin"
    assert response.status_code == 405


def test_by_default_no_page_is_told_anything(client: FlaskClient) -> None:
    preflight = client.options("/cluster-customer", headers={"Origin": PAGE, **PREFLIGHT})
    assert (preflight.status_code, preflight.headers["Allow"]) == (405, "POST")
    for response in (preflight, ask(client, PAGE)):
        assert shown(response) == {}
        assert "Origin" not in response.headers.getlist("Vary")


def test_options_that_no_page_sent_are_answered_as_before(shared: FlaskClient) -> None:
    for headers in ({}, {"Origin": PAGE}, PREFLIGHT):
        assert shared.options("/models", headers=headers).status_code == 405


@pytest.mark.usefixtures("app")
def test_a_page_needs_the_token_but_its_browsers_question_does_not() -> None:
    client = made(TOKEN)
    assert client.options("/models", headers={"Origin": PAGE, **PREFLIGHT}).status_code == 204
    assert client.options("/models", headers={"Origin": "http://evil.example", **PREFLIGHT}).status_code == 401
    refused = ask(client, PAGE)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, PAGE)
    assert ask(client, PAGE, Authorization=f"Bearer {TOKEN}").status_code == 200


def test_the_host_is_looked_at_first(shared: FlaskClient) -> None:
    headers = {"Origin": PAGE, "Host": "evil.example", **PREFLIGHT}
    assert shared.options("/models", headers=headers).status_code == 421
    assert ask(shared, PAGE, Host="evil.example").status_code == 421


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_that_is_named_may_upload_and_no_other(
    shared: FlaskClient, monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{free_port()}")
    assert send(shared, (b"x", "a.jpg"), Origin=PAGE, Sec_Fetch_Site=site).status_code == 415
    for origin in OTHERS:
        assert send(shared, (b"x", "a.jpg"), Origin=origin, Sec_Fetch_Site=site).status_code == 403, origin
    assert send(shared, (b"x", "a.jpg"), Sec_Fetch_Site=site).status_code == 403


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", set()),
        (" , ", set()),
        (PAGE, {PAGE}),
        (f" {PAGE}/ ,https://Example.org,", {PAGE, "https://example.org"}),
        ("http://a:80,https://a:443,http://a:443", {"http://a", "https://a", "http://a:443"}),
        ("http://[::1]:3000,capacitor://localhost,http://my_app:1", None),
        ("http://127.0.0.1:65535,http://xn--bcher-kva.example", None),
    ],
)
def test_origins_are_read_as_browsers_write_them(text: str, origins: set[str] | None) -> None:
    assert origins_in(text) == (set(text.split(",")) if origins is None else origins)


@pytest.mark.parametrize(
    "text",
    [
        *("*", "null", "localhost:3000", "example.org", "http://", "//a", "http:/a", "file:///x", "https://*.a"),
        *("http://a/page", "http://a//", "http://a?x", "http://me@a", "http://a:", "http://a:x", "http://a:65536"),
        *("http://a:0", "http://a b", "http://a;http://b", "http://a http://b", "http://b\u00fccher", "http://[::1"),
        *("http://a\r\nX: y", "http://a\0", f"{PAGE},*"),
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ArusError, match="is no origin such as"):
        origins_in(text)


@pytest.mark.usefixtures("store")
def test_a_wrong_setting_is_one_clear_line() -> None:
    assert fails(ARUS_SERVER_ORIGINS="*") == (
        "server: ARUS_SERVER_ORIGINS: '*' is no origin such as https://example.org or http://localhost:3000: "
        "name each one, separated by commas\n"
    )


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("options", [(), ("--dev",)])
def test_the_setting_reaches_the_server(options: tuple[str, ...]) -> None:
    server = Running(*options, ARUS_SERVER_ORIGINS=f"https://example.org, {PAGE}")
    head = f"OPTIONS /upload HTTP/1.1\r\nHost: localhost\r\nOrigin: {PAGE}\r\nConnection: close\r\n"
    answer = server.raw(f"{head}Access-Control-Request-Method: POST\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert f"\r\nAccess-Control-Allow-Origin: {PAGE}\r\n".encode() in answer
    server.process.terminate()
    server.process.wait(60)
    server.reader.join()
    assert server.process.stdout
    server.process.stdout.close()
