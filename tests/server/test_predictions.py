"""POST /cluster-customer, -product, -country."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from arus import models
from server import create_app
from server.catalog import Catalog
from server.predictions import MOST_BODY_BYTES
from server.validation import MOST_ROWS
from tests.server import sample

CUSTOMER = {"model_number": "1", "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}
LINE = {"Quantity": 10, "UnitPrice": 5.0}


def post(client: FlaskClient, asked: Any, path: str = "/cluster-customer") -> TestResponse:
    return client.post(path, data=json.dumps(asked), content_type="application/json")


def problem(response: TestResponse, status: int) -> dict[str, Any]:
    assert (response.status_code, response.content_type) == (status, "application/problem+json"), response.text
    found: dict[str, Any] = json.loads(response.data)
    assert found["status"] == status
    return found


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/cluster-customer", CUSTOMER),
        ("/cluster-product", {"model_number": "1", "StockCode": "85123A", **LINE}),
        ("/cluster-country", {"model_number": "1", "Country": "United Kingdom", **LINE}),
    ],
)
def test_the_answer_is_the_request_with_its_cluster(client: FlaskClient, path: str, asked: dict[str, Any]) -> None:
    response = post(client, asked, path)
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert list(json.loads(response.data).items()) == [
        *asked.items(),
        ("cluster", 1),
        ("cluster_name", sample.NAMES[1]),
    ]


@pytest.mark.parametrize(
    "sent",
    [
        '{"UnitPrice":5.00,"Quantity":10,"CustomerID":17850.0,"model_number":1}',
        '{"CustomerID":"017850","model_number":"1","Quantity":-10.5,"UnitPrice":0}',
    ],
)
def test_values_come_back_as_they_were_sent_in_their_order(client: FlaskClient, sent: str) -> None:
    answer = client.post("/cluster-customer", data=sent, content_type="application/json").get_data(as_text=True)
    assert answer.startswith(sent.replace("5.00", "5.0").removesuffix("}"))


@pytest.mark.parametrize(("number", "cluster"), [("1", 1), (1, 1), ("2", 6), (2.0, 6)])
def test_the_model_that_is_named_answers(client: FlaskClient, number: object, cluster: int) -> None:
    assert json.loads(post(client, {**CUSTOMER, "model_number": number}).data)["cluster"] == cluster


def test_without_a_model_the_champion_answers_and_is_named(client: FlaskClient, catalog: Catalog) -> None:
    models.promote(2)
    catalog.refresh()
    asked = {"CustomerID": 17850, **LINE}
    named = {"model_number": "2", **asked, "cluster": 6, "cluster_name": sample.NAMES[1]}
    assert list(json.loads(post(client, asked).data).items()) == list(named.items())
    null_last = json.loads(post(client, {**asked, "model_number": None}).data)
    fields = ["CustomerID", "Quantity", "UnitPrice", "model_number", "cluster", "cluster_name"]
    assert list(null_last) == fields
    assert null_last == named


def test_a_list_is_answered_in_its_order(client: FlaskClient) -> None:
    asked = [{**CUSTOMER, "Quantity": quantity} for quantity in (0, 10, 1000)]
    answer = json.loads(post(client, asked).data)
    assert answer == [
        {**row, "cluster": cluster, "cluster_name": sample.NAMES[cluster]}
        for row, cluster in zip(asked, (0, 1, 2), strict=True)
    ]


def test_each_request_of_a_list_is_answered_by_its_own_model(client: FlaskClient) -> None:
    asked = [{**CUSTOMER, "model_number": number} for number in ("2", 1, None, "1", 2)]
    assert [row["cluster"] for row in json.loads(post(client, asked).data)] == [6, 1, 1, 1, 6]


def test_each_answer_of_a_list_has_its_own_models_name_of_the_cluster(
    client: FlaskClient,
) -> None:
    found = sample.model_json(3)
    found["views"]["customers"]["line"]["clusters"][1]["name"] = "another name"
    sample.write_model(3, found=found)
    asked = [{**CUSTOMER, "model_number": number} for number in (3, 1)]
    names = [row["cluster_name"] for row in json.loads(post(client, asked).data)]
    assert names == ["another name", sample.NAMES[1]]
    assert json.loads(post(client, asked[:1]).data)[0]["cluster_name"] == "another name"


def test_of_a_list_with_one_invalid_request_none_is_answered(client: FlaskClient) -> None:
    found = problem(post(client, [CUSTOMER, {**CUSTOMER, "UnitPrice": -1}]), 422)
    detail = "is -1, but must be a price for one piece from 0 to 1,000,000,000"
    assert found == {
        "type": "/docs#invalid-fields",
        "title": "The request is not valid",
        "status": 422,
        "detail": f"request 1 of the list (the first is 0): UnitPrice {detail}",
        "instance": "/cluster-customer",
        "errors": [{"index": 1, "field": "UnitPrice", "detail": detail}],
    }


def test_a_list_has_at_most_ten_thousand_requests(client: FlaskClient) -> None:
    assert len(json.loads(post(client, [CUSTOMER] * MOST_ROWS).data)) == MOST_ROWS
    problem(post(client, [CUSTOMER] * (MOST_ROWS + 1)), 422)
    problem(post(client, []), 422)


def test_an_unknown_model_is_not_found_and_the_answer_says_which_there_are(client: FlaskClient) -> None:
    detail = "model not found: there is no model 9; there are 1, 2"
    assert problem(post(client, {**CUSTOMER, "model_number": "9"}), 404) == {
        "type": "/docs#model-not-found",
        "title": "Model not found",
        "status": 404,
        "detail": detail,
        "instance": "/cluster-customer",
        "errors": [{"field": "model_number", "detail": detail}],
    }
    found = problem(post(client, [CUSTOMER, {**CUSTOMER, "model_number": 9}]), 404)
    assert found["errors"] == [{"index": 1, "field": "model_number", "detail": detail}]


def test_a_damaged_model_is_not_found_and_the_answer_says_why(client: FlaskClient, catalog: Catalog) -> None:
    folder = sample.write_model(3)
    (folder / models.ENTITIES).write_bytes(b"")
    catalog.refresh()
    found = problem(post(client, {**CUSTOMER, "model_number": 3}), 404)
    assert found["detail"].startswith("model not found: model 3 is damaged (")


def test_a_model_that_came_a_moment_ago_answers(client: FlaskClient) -> None:
    sample.write_model(3, (7, 8, 9))
    assert json.loads(post(client, {**CUSTOMER, "model_number": 3}).data)["cluster"] == 8


def test_a_field_error_names_the_field(client: FlaskClient) -> None:
    found = problem(post(client, {"model_number": "1", "CustomerID": 17850, "Quantity": True}), 422)
    assert [error["field"] for error in found["errors"]] == ["Quantity", "UnitPrice"]


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_nan_and_infinity_are_refused_naming_the_field(client: FlaskClient, constant: str) -> None:
    sent = f'{{"CustomerID": 1, "Quantity": {constant}, "UnitPrice": 1}}'
    response = client.post("/cluster-customer", data=sent, content_type="application/json")
    assert [error["field"] for error in problem(response, 422)["errors"]] == ["Quantity"]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe{}",
        b'{"Country": "\xc3"}',
        b'{"Country": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        b"\xef\xbb\xbf{}",
        b"{'Quantity': 1}",
        b'{"Quantity": 01}',
        b'{"Quantity": NaN',
        b"\0",
    ],
)
def test_what_is_not_json_is_a_bad_request(client: FlaskClient, sent: bytes) -> None:
    found = problem(client.post("/cluster-country", data=sent, content_type="application/json"), 400)
    assert found["detail"].startswith("the body is not JSON: ")


@pytest.mark.parametrize("number", ["9" * 25, "-" + "9" * 400, "1e308", "9" * 5_000, "0." + "1" * 5_000 + "e400"])
def test_a_huge_number_is_refused_naming_the_field(client: FlaskClient, number: str) -> None:
    sent = f'{{"Country": "France", "Quantity": {number}, "UnitPrice": 1}}'
    response = client.post("/cluster-country", data=sent, content_type="application/json")
    assert [error["field"] for error in problem(response, 422)["errors"]] == ["Quantity"]


def test_of_a_name_that_occurs_twice_the_last_value_counts(client: FlaskClient) -> None:
    sent = '{"Country": "France", "Quantity": "x", "Quantity": 10, "UnitPrice": 5}'
    answer = client.post("/cluster-country", data=sent, content_type="application/json")
    assert json.loads(answer.data)["Quantity"] == 10


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
)
def test_another_content_type_is_refused(client: FlaskClient, kind: str | None) -> None:
    problem(client.post("/cluster-customer", data=json.dumps(CUSTOMER), content_type=kind), 415)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_come_with_parameters(client: FlaskClient, kind: str) -> None:
    assert client.post("/cluster-customer", data=json.dumps(CUSTOMER), content_type=kind).status_code == 200


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    sent = b" " * (MOST_BODY_BYTES + 1)
    problem(client.post("/cluster-customer", data=sent, content_type="application/json"), 413)
    assert client.post("/cluster-customer", data=sent[1:], content_type="application/json").status_code == 400


@pytest.mark.parametrize("length", ["-1", "x", "1" * 30, "٣"])
def test_a_strange_length_is_the_clients_fault(client: FlaskClient, length: str) -> None:
    environ = {"CONTENT_LENGTH": length}
    response = client.post("/cluster-customer", content_type="application/json", environ_overrides=environ)
    assert response.status_code in {400, 413}


@pytest.mark.usefixtures("store")
def test_without_any_model_the_answer_says_how_to_make_one() -> None:
    response = post(create_app().test_client(), {"CustomerID": 17850, **LINE})
    assert problem(response, 503)["detail"] == "no model is there yet: ./spark-submit.sh retail_train makes one"
    assert response.headers["Retry-After"] == "10"
    named = post(create_app().test_client(), CUSTOMER)
    assert "retail_train makes one" in problem(named, 404)["detail"]


def test_every_answer_of_a_list_is_by_one_model_although_models_change(store: Path) -> None:
    sample.write_model(1, (0, 1, 2))
    models.promote(1)
    app = create_app()
    catalog = app.extensions["catalog"]
    for number in range(2, 6):
        sample.write_model(number, (10 * number, 10 * number + 1, 10 * number + 2))
        models.promote(number)
        answers = json.loads(post(app.test_client(), [{"CustomerID": 1, **LINE}] * 50).data)
        assert {(row["model_number"], row["cluster"] // 10) for row in answers} == {
            (str(number - 1), (number - 1) % 10 if number > 2 else 0)
        }
        catalog.refresh()
    assert store.is_dir()
