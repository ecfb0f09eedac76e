"""Who is answered, and what browsers are told."""

import base64
import json

import pytest
from flask.testing import FlaskClient

from server import create_app
from server.guards import HEADERS, is_allowed, name_of

TOKEN = "0123456789abcdef-token"  # noqa: S105


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "LOCALHOST:1", "127.0.0.1:5000", "[::1]:5000", "[::1]"]
)
def test_this_machines_names_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:5000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "a@localhost",
        "::1",
        "\xff",
        "x" * 5000,
    ],
)
def test_a_page_of_another_name_is_not_answered(client: FlaskClient, host: str) -> None:
    for path in ("/models", "/healthz", "/static/style.css"):
        response = client.get(path, headers={"Host": host})
        assert (response.status_code, response.content_type) == (421, "application/problem+json")


def test_a_request_without_a_host_is_not_answered(client: FlaskClient) -> None:
    assert client.get("/models", environ_overrides={"HTTP_HOST": ""}).status_code == 421


@pytest.mark.usefixtures("app")
def test_a_server_for_others_is_answered_by_any_name() -> None:
    made = create_app(token=TOKEN, hosts=None)
    headers = {"Host": "arus.example", "Authorization": f"Bearer {TOKEN}"}
    assert made.test_client().get("/readyz", headers=headers).status_code == 200


def test_the_port_is_no_part_of_a_name() -> None:
    names = [name_of(host) for host in ("Localhost:5000", "[::1]:5000", "[::1]", "a:b", "")]
    assert names == ["localhost", "[::1]", "[::1]", "a:b", ""]


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic(f"me:{TOKEN}"), basic(f":{TOKEN}")])
def test_the_token_opens(given: str) -> None:
    assert is_allowed(given, TOKEN)


@pytest.mark.parametrize(
    "given",
    [
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Digest {TOKEN}",
        "Bearer \xff\xff",
        "Bearer \u20ac",
        "Basic !!!",
        basic(TOKEN),
        basic(f"{TOKEN}:"),
    ],
)
def test_anything_else_does_not(given: str) -> None:
    assert not is_allowed(given, TOKEN)


@pytest.mark.usefixtures("app")
def test_with_a_token_every_route_but_healthz_asks_for_it() -> None:
    made = create_app(token=TOKEN)
    client = made.test_client()
    paths = {rule.rule for rule in made.url_map.iter_rules()} | {"/nothing", "/healthz/"}
    for path in sorted(paths - {"/healthz"}):
        response = client.get(path)
        assert (response.status_code, response.content_type) == (401, "application/problem+json"), path
        assert response.headers.getlist("WWW-Authenticate") == ['Bearer realm="arus"', 'Basic realm="arus"']
    assert client.get("/healthz").status_code == 200
    assert client.get("/models", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert TOKEN not in client.get("/models").text


@pytest.mark.parametrize("path", ["/", "/docs", "/models", "/nothing", "/metrics", "/static/style.css"])
def test_every_answer_tells_browsers_to_be_strict(client: FlaskClient, path: str) -> None:
    with client.get(path) as response:
        headers = response.headers
    assert {name: headers.getlist(name) for name, _ in HEADERS} == {name: [value] for name, value in HEADERS}


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/docs", "/?kind=customer&id=1&quantity=1&unit_price=1", "/?quantity=x", "/models"),
        *("/models/1", "/readyz", "/metrics", "/customers/17850", "/countries/United%20Kingdom"),
    ],
)
def test_pages_need_no_script_and_no_inline_style(client: FlaskClient, path: str) -> None:
    page = client.get(path, headers={"Accept": "text/html"}).text
    assert not [
        word
        for word in ("<script", "style=", "<style", "onclick", "javascript:", "http://", "https://")
        if word in page.replace("http://localhost", "")
    ]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_of_another_site_gets_no_prediction(client: FlaskClient, kind: str) -> None:
    sent = json.dumps({"CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0})
    assert client.post("/cluster-customer", data=sent, content_type=kind).status_code == 415
