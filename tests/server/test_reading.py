"""What can be read: models, entities, health, and the errors of all routes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from arus import models
from server import create_app
from server.catalog import Catalog
from tests.server import sample
from tests.server.uploading import held

PROBLEM = "application/problem+json"


def get(client: FlaskClient, path: str, status: int = 200) -> Any:
    response = client.get(path)
    kind = "application/json" if status == 200 else PROBLEM
    assert (response.status_code, response.content_type) == (status, kind), response.text
    return json.loads(response.data)


def test_the_models_are_listed_newest_first_with_the_damaged_ones(client: FlaskClient, catalog: Catalog) -> None:
    (sample.write_model(3) / models.ENTITIES).unlink()
    catalog.refresh()
    found = get(client, "/models")
    quality = {view: {"k": 3, "silhouette": 0.43} for view in models.VIEWS}
    shared = {"rows": 25_000, "promoted": True, "why": "the first", "views": quality}
    second = {"model_number": 2, "trained_at": "2026-11-21T22:02:05Z", "table_version": 52, "champion": False}
    first = {"model_number": 1, "trained_at": "2026-11-21T22:01:05Z", "table_version": 51, "champion": True}
    reason = catalog.snapshot.damaged[3]
    assert found == {
        "champion": 1,
        "models": [{**shared, **second}, {**shared, **first}],
        "damaged": [{"model_number": 3, "reason": reason}],
    }
    assert "No such file" in reason


def test_one_model_is_shown_whole(client: FlaskClient) -> None:
    assert get(client, "/models/2") == {**sample.model_json(2, (5, 6, 7)), "champion": False}
    assert get(client, "/models/1")["champion"] is True


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/customers/17850", {"model_number": 1, "CustomerID": "17850"}),
        ("/products/85123A", {"model_number": 1, "StockCode": "85123A"}),
        ("/countries/United%20Kingdom", {"model_number": 1, "Country": "United Kingdom"}),
        ("/countries/Bosnia/Herzegovina", {"model_number": 1, "Country": "Bosnia/Herzegovina"}),
        ("/countries/Bosnia%2FHerzegovina", {"model_number": 1, "Country": "Bosnia/Herzegovina"}),
    ],
)
def test_what_the_champion_knows_of_an_entity(client: FlaskClient, path: str, expected: dict[str, Any]) -> None:
    table, name = path.split("/")[1], list(expected.values())[1]
    assert get(client, path) == expected | sample.facts(table, sample.FACTS[table][name])


@pytest.mark.parametrize(
    "path",
    [
        "/customers/1",
        "/customers/17850%00",
        "/customers/%00",
        "/customers/%ff%fe",
        "/customers/%ED%A0%80",
        "/customers/' OR 1=1 --",
        "/customers/../models/1",
        "/products/" + "9" * 3_000,
        "/countries/united kingdom",
        "/customers/17850//",
    ],
)
def test_an_unknown_entity_is_not_found(client: FlaskClient, path: str) -> None:
    assert len(get(client, path, 404)["instance"]) <= 200


@pytest.mark.parametrize("ahead", range(3))
def test_a_long_path_is_cut_between_escaped_bytes(client: FlaskClient, ahead: int) -> None:
    instance = get(client, "/products/" + "x" * ahead + "é" * 100, 404)["instance"]
    assert re.fullmatch(r"/products/x*(%C3%A9)+(%C3)?", instance)
    assert 197 < len(instance) <= 200


def test_an_entity_of_a_file_that_broke_is_told_of(client: FlaskClient, catalog: Catalog) -> None:
    assert catalog.snapshot.facts is not None
    catalog.snapshot.facts.close()
    assert get(client, "/customers/17850", 503)["detail"].startswith("the entities of model 1 cannot be read: ")


@pytest.mark.parametrize(
    "path",
    [
        "/models/0",
        "/models/9",
        "/models/-1",
        "/models/x",
        "/models/" + "9" * 3_000,
        "/models//",
        "/models/9/",
    ],
)
def test_a_model_that_is_not_there_is_not_found(client: FlaskClient, path: str) -> None:
    get(client, path, 404)


def test_without_a_model_nothing_but_health_is_answered(store: object) -> None:
    assert store
    client = create_app().test_client()
    detail = "no model is there yet: ./spark-submit.sh retail_train makes one"
    ready = get(client, "/readyz", 503)
    assert ready == {
        "type": "/docs#no-model-yet",
        "title": "Service Unavailable",
        "status": 503,
        "detail": detail,
        "instance": "/readyz",
    }
    assert client.get("/readyz").headers["Retry-After"] == "10"
    assert get(client, "/customers/17850", 503)["detail"] == detail
    assert get(client, "/models") == {"champion": None, "models": [], "damaged": []}
    assert get(client, "/healthz") == {"status": "ok"}
    assert "No model is there yet: ./spark-submit.sh retail_train makes one." in client.get("/").text


def test_who_waits_for_a_first_model_hears_what_the_training_is_at(store: Path) -> None:
    told = {"updated": "2999-01-01", "state": "training", "doing": "model 1: customers, step 2 of 7", "queries": {}}
    (store / "run").mkdir(exist_ok=True)
    (store / "run" / "retail_train.status.json").write_text(json.dumps(told))
    client = create_app().test_client()
    said = "retail_train: training: model 1: customers, step 2 of 7"
    with held("retail_train"):
        assert get(client, "/readyz", 503)["detail"] == f"no model is there yet; {said}"
        for path in ("/", "/models"):
            assert said in client.get(path, headers={"Accept": "text/html"}).text
    assert said not in client.get("/").text


def test_ready_tells_of_damaged_models_and_of_a_champion_that_cannot_serve(
    client: FlaskClient, catalog: Catalog
) -> None:
    assert get(client, "/readyz") == {"status": "ready", "champion": 1, "trouble": None, "damaged": []}
    (sample.write_model(3) / models.SUMS).unlink()
    models.promote(3)
    catalog.refresh()
    reason = catalog.snapshot.damaged[3]
    assert get(client, "/readyz") == {
        "status": "ready",
        "champion": 1,
        "trouble": f"model 3 was chosen, but it is {reason}",
        "damaged": [{"model_number": 3, "reason": reason}],
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nothing", 404, None),
        ("GET", "/cluster-customer", 405, {"POST"}),
        ("DELETE", "/models/1", 405, {"GET", "HEAD"}),
        ("POST", "/", 405, {"GET", "HEAD"}),
        ("OPTIONS", "/cluster-customer", 405, {"POST"}),
        ("TRACE", "/models", 405, {"GET", "HEAD"}),
        ("X" * 100, "/models", 405, {"GET", "HEAD"}),
    ],
)
def test_an_unknown_route_or_method_is_a_problem(
    client: FlaskClient, method: str, path: str, status: int, allow: set[str] | None
) -> None:
    response = client.open(path, method=method)
    assert (response.status_code, response.content_type) == (status, PROBLEM)
    found = json.loads(response.data)
    assert (found["status"], found["instance"]) == (status, path)
    assert (set(response.headers["Allow"].split(", ")) if "Allow" in response.headers else None) == allow


def test_a_browser_gets_a_page_for_an_error(client: FlaskClient) -> None:
    response = client.get("/customers/<script>", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (response.status_code, response.content_type) == (404, "text/html; charset=utf-8")
    assert "knows no customer &#39;&lt;script&gt;&#39;" in response.text
    assert "<script" not in response.text


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html;q=x", "", "image/png", "text/*;q=0.1, */*"])
def test_a_program_gets_json_for_an_error(client: FlaskClient, accept: str) -> None:
    assert client.get("/nothing", headers={"Accept": accept}).content_type == PROBLEM


def test_a_failure_of_ours_is_logged_and_tells_nothing(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> str:
        raise ZeroDivisionError("a secret")

    app.add_url_rule("/fails", view_func=fails)
    response = app.test_client().get("/fails")
    found = json.loads(response.data)
    assert (response.status_code, found["detail"]) == (500, "the server failed; its log says why")
    assert "secret" in caplog.text
