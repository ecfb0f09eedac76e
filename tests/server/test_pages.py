"""The page with the form, the API page and openapi.json."""

import html
import json
import re
import shlex

import pytest
from flask import Flask
from flask.testing import FlaskClient

from arus import models
from server import create_app
from server.catalog import Catalog
from server.fields import KINDS, Kind
from server.openapi import OPENAPI
from tests.server import sample


def test_a_filled_in_form_shows_cluster_and_name(client: FlaskClient) -> None:
    response = client.get("/?kind=customer&id=17850&quantity=10&unit_price=5.0&model_number=")
    assert response.status_code == 200
    page = html.unescape(response.text)
    assert f"Cluster 1: {sample.NAMES[1]}" in page
    assert '-d \'{"CustomerID":17850,"Quantity":10,"UnitPrice":5.0}\'' in page
    assert '"model_number": "1"' in page
    assert 'href="/customers/17850"' in page
    assert response.text.count(' inputmode="decimal"') == 2


@pytest.mark.parametrize(
    ("query", "cluster"),
    [
        ("kind=product&id=85123A&quantity=1000&unit_price=5&model_number=2", 7),
        ("kind=country&id=United+Kingdom&quantity=0&unit_price=0&model_number=+2+", 5),
        ("kind=customer&id=17850.0&quantity=+1e1+&unit_price=.5e1", 1),
        ("kind=country&id=Côte d'Ivoire&quantity=-1000&unit_price=1e0", 2),
    ],
)
def test_each_kind_and_model_can_be_tried(client: FlaskClient, query: str, cluster: int) -> None:
    assert f"Cluster {cluster}: " in client.get("/?" + query).text


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ("id=17850&quantity=ten&unit_price=5", 422, "quantity"),
        ("id=17850&quantity=10&unit_price=-5", 422, "unit_price"),
        ("id=17850&quantity=10&unit_price=" + "9" * 6_000, 422, "unit_price"),
        ("id=17850&quantity=nan&unit_price=5", 422, "quantity"),
        ("id=17850&quantity=1_000&unit_price=5", 422, "quantity"),
        ("id=17850&quantity=10&unit_price=5,0", 422, "unit_price"),
        ("id=abc&quantity=10&unit_price=5", 422, "id"),
        ("kind=product&quantity=10&unit_price=5", 422, "id"),
        ("id=1&quantity=10&unit_price=5&model_number=x", 422, "model_number"),
        ("id=1&quantity=10&unit_price=5&model_number=99", 404, "model_number"),
        ("kind=%00&id=%ff&quantity=%00&unit_price=5", 422, "id"),
    ],
)
def test_what_is_wrong_is_shown_beside_its_field(client: FlaskClient, query: str, status: int, name: str) -> None:
    response = client.get("/?" + query)
    assert response.status_code == status
    assert f'aria-describedby="{name}-error"' in response.text


def test_what_was_typed_is_shown_again_and_never_run(client: FlaskClient) -> None:
    page = client.get('/?kind=country&id="><script>alert(1)</script>&quantity=1&unit_price=1').text
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_lists_the_models(client: FlaskClient) -> None:
    page = client.get("/").text
    assert '<a href="/models/2">2</a>' in page
    assert page.count('<span class="tag">champion</span>') == 1


def test_every_field_of_the_form_has_a_label(client: FlaskClient) -> None:
    page = client.get("/").text
    for name in ("kind", "id", "quantity", "unit_price", "model_number"):
        assert f'<label for="{name}">' in page
        assert f'id="{name}"' in page


def test_the_api_page_names_every_route_and_every_kind_of_problem(client: FlaskClient) -> None:
    page = client.get("/docs").text
    for path in OPENAPI["paths"]:
        assert f"<code>{html.escape(path)}</code>" in page
    for anchor in ("invalid-fields", "model-not-found", "no-model-yet", "images-refused", "not-ready"):
        assert f'id="{anchor}"' in page


OTHERS = {"customers": "12346", "products": "10002", "countries": "Côte d'Ivoire"}


@pytest.fixture
def others(app: Flask, catalog: Catalog) -> FlaskClient:
    """Model 3 is the champion, and knows none of the usual examples."""
    folder = sample.write_model(3)
    (folder / models.ENTITIES).unlink()
    sample.write_entities(folder / models.ENTITIES, OTHERS)
    models.seal(folder)
    models.promote(3)
    catalog.refresh()
    return app.test_client()


def commands(page: str) -> list[list[str]]:
    """Return the arguments of each curl on a page."""
    found = re.findall(r"<code>curl ([^<]+)</code>", page)
    return [shlex.split(html.unescape(each)) for each in found]


def test_the_form_begins_with_one_that_the_champion_knows(others: FlaskClient) -> None:
    page = html.unescape(others.get("/").text)
    assert 'name="id" value="12346"' in page
    assert "a customer ID (12346), a stock code (10002) or a country (Côte d'Ivoire)" in page
    assert 'href="/customers/12346"' in others.get("/?id=12346&quantity=10&unit_price=5").text


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_known_is_offered_only_where_something_is(client: FlaskClient, kind: Kind) -> None:
    known, unknown = next(iter(sample.FACTS[kind.view])), "99999"
    for name, is_offered in ((known, True), (unknown, False)):
        page = client.get(f"/?kind={kind.name}&id={name}&quantity=10&unit_price=5").text
        assert "Cluster 1: " in page
        assert (f"What is known of this {kind.name}" in page) is is_offered


@pytest.mark.usefixtures("store")
def test_without_a_model_the_examples_are_the_usual_ones() -> None:
    client = create_app().test_client()
    assert 'name="id" value="17850"' in client.get("/").text
    page = html.unescape(client.get("/docs").text)
    for text in ("/customers/17850", "/models/1", '"85123A"', '"cluster_name": "high prices"'):
        assert text in page


@pytest.mark.parametrize("base", ["http://localhost:5001", "http://127.0.0.1:8080"])
def test_every_command_of_the_api_page_is_answered_here(others: FlaskClient, base: str) -> None:
    found = commands(others.get("/docs", base_url=base).text)
    assert {"/".join(address.split("/")[:3]) for address, *_ in found} == {base}
    for address, *options in found:
        path = address.removeprefix(base)
        if path.startswith(("/images", "/upload")):
            continue
        if options:
            sent = json.loads(options[-1])
            response = others.post(path, json=sent, base_url=base)
        else:
            response = others.get(path, base_url=base)
        assert response.status_code == 200, (path, response.text)
    assert f"{base}/countries/C%C3%B4te%20d%27Ivoire" in [address for address, *_ in found]
    assert f"{base}/models/3" in [address for address, *_ in found]


def test_the_api_page_shows_what_is_answered(others: FlaskClient) -> None:
    page = others.get("/docs").text
    asked = {"model_number": "3", "CustomerID": 12346, "Quantity": 10, "UnitPrice": 5.0}
    answered = others.post("/cluster-customer", json=asked).json
    shown = [json.loads(html.unescape(each)) for each in re.findall(r"<code>({[^<]+)</code>", page)]
    assert shown[0] == answered == asked | {"cluster": 1, "cluster_name": sample.NAMES[1]}


def test_openapi_names_every_route(client: FlaskClient) -> None:
    described = json.loads(client.get("/openapi.json").data)
    assert described == json.loads(json.dumps(OPENAPI))
    rules = {
        rule.rule.replace("<number>", "{number}").replace("<path:name>", "{name}").replace("<name>", "{name}")
        for rule in client.application.url_map.iter_rules()
    }
    assert set(described["paths"]) == rules - {"/static/<path:filename>"}
