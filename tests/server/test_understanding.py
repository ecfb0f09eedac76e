"""What people send for a plain request: numbers as text, whole rows, the columns' other names."""

import json
import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.fields import CUSTOMER, KINDS, PRODUCT, Kind
from server.validation import MOST_ERRORS, MOST_ROWS, Invalid, errors_of, understood
from tests.server import sample

VALID = {"model_number": "1", "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}
ROW = {
    "InvoiceNo": "536365",
    "StockCode": "85123A",
    "Description": "WHITE HANGING HEART T-LIGHT HOLDER",
    "Quantity": 10,
    "InvoiceDate": "2010-12-01 08:26:00",
    "UnitPrice": 5.0,
    "CustomerID": 17850,
    "Country": "United Kingdom",
}
RENAMED = {"InvoiceNo": "Invoice", "UnitPrice": "Price", "CustomerID": "Customer ID"}
# The forms of a whole number that differ in kind; any field may have any of them.
FORMS = (
    *("{}", "{}.0", "{}.", "+{}", "00{}", "{}e0", "{}0E-1", "{}.000e+00"),
    *(" {}", "{}\t", "\r\n{} ", " {}.0\n"),
)
NO_NUMBERS = (
    *("", " ", "ten", "1,5", "1.000,5", "1 000", "1_000", "0x10", "NaN", "nan", "Infinity", "-inf"),
    *("1e", ".", "+", "--1", "1.2.3", "\u0661\u0660", "10\u00a0", "\ufeff10", "true", "$5", "1/2", "9" * 5_000),
)


def post(client: FlaskClient, sent: str, path: str = "/cluster-customer") -> Any:
    response = client.post(path, data=sent, content_type="application/json")
    return json.loads(response.data) | {"status": response.status_code}


def in_cluster(number: int) -> dict[str, Any]:
    """Return what an answer adds to a request of the middle cluster."""
    return {"cluster": number, "cluster_name": sample.NAMES[1], "status": 200}


@pytest.mark.parametrize("customer", FORMS)
@pytest.mark.parametrize("other", FORMS)
def test_numbers_as_text_are_numbers(customer: str, other: str) -> None:
    asked = {
        "model_number": customer.format(2),
        "CustomerID": other.format(17850),
        "Quantity": customer.format(10),
        "UnitPrice": other.format(5),
    }
    found = understood(CUSTOMER, asked)
    assert list(found) == list(asked)
    assert [float(value) for value in found.values()] == [2, 17850, 10, 5]
    assert [type(found[name]) in (int, float) for name in ("Quantity", "UnitPrice")] == [True, True]


@pytest.mark.parametrize(
    ("text", "number"), [("-10", -10), ("1e3", 1000.0), (".5", 0.5), ("-0.25", -0.25), ("1000000000", 10**9)]
)
def test_a_quantity_as_text_is_that_number(text: str, number: float) -> None:
    assert understood(CUSTOMER, {**VALID, "Quantity": text})["Quantity"] == number


@pytest.mark.parametrize("name", ["model_number", "CustomerID", "Quantity", "UnitPrice"])
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_stays_none(name: str, text: str) -> None:
    errors = errors_of(CUSTOMER, {**VALID, name: text})
    assert [error["field"] for error in errors] == [name]
    assert errors[0]["detail"].startswith(f"is {text[:30]!r}"[:30])


@pytest.mark.parametrize(
    ("name", "text"),
    [("Quantity", "1e10"), ("Quantity", "-1000000001"), ("UnitPrice", "-0.01"), ("UnitPrice", "1e400")],
)
def test_the_bounds_hold_for_text_too(name: str, text: str) -> None:
    assert [error["field"] for error in errors_of(CUSTOMER, {**VALID, name: text})] == [name]


def test_a_text_is_answered_with_its_number(client: FlaskClient) -> None:
    sent = '{"model_number":" 2.0","CustomerID":"17850.0","Quantity":"10","UnitPrice":" 5.50 "}'
    found = {"model_number": 2, "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.5}
    assert post(client, sent) == found | in_cluster(6)


def test_a_list_may_mix_all_forms(client: FlaskClient) -> None:
    renamed = {RENAMED.get(name, name): value for name, value in ROW.items()}
    rows = [VALID, {**VALID, "Quantity": "10"}, ROW, renamed]
    response = client.post("/cluster-customer", data=json.dumps(rows), content_type="application/json")
    assert response.status_code == 200, response.text
    plain = {**VALID, "cluster": 1, "cluster_name": sample.NAMES[1]}
    assert json.loads(response.data) == [plain] * 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("names", [{}, RENAMED, {"UnitPrice": "Price"}, {"CustomerID": "Customer ID"}])
def test_a_whole_row_of_the_data_set_is_a_request(kind: Kind, names: dict[str, str]) -> None:
    row = {names.get(name, name): value for name, value in ROW.items()}
    wanted = [name for name in ROW if name in {"Quantity", "UnitPrice", kind.id.name}]
    assert list(understood(kind, row).items()) == [(name, ROW[name]) for name in wanted]


@pytest.mark.parametrize("value", [None, "", 1, [], {"a": [1]}, True, "x" * 10_000])
def test_a_column_that_is_not_needed_may_hold_anything(value: object) -> None:
    others = dict.fromkeys(("InvoiceNo", "Invoice", "Description", "CustomerID", "Customer ID", "Country"), value)
    asked = {"StockCode": "85123A", "Quantity": 1, "UnitPrice": 1}
    assert understood(PRODUCT, others | asked) == asked


def test_a_row_of_pandas_has_nan_where_nothing_is(client: FlaskClient) -> None:
    row = json.dumps({**ROW, "Description": float("nan"), "InvoiceNo": float("inf")})
    found = {"model_number": "1", "Quantity": 10, "UnitPrice": 5.0, "CustomerID": 17850}
    assert post(client, row) == found | in_cluster(1)
    assert '"CustomerID":17850,' in client.post("/cluster-customer", data=row, content_type="application/json").text
    found = post(client, json.dumps({**ROW, "CustomerID": float("nan")}))
    assert (found["status"], [error["field"] for error in found["errors"]]) == (422, ["CustomerID"])


@pytest.mark.parametrize(
    "sent",
    [
        '{"Country": "\\ud800", "Quantity": 1, "UnitPrice": 1, "Description": NaN}',
        '{"Country": "x", "Quantity": 1, "UnitPrice": 1, "Description": NaN, "\\ud800": 1}',
    ],
)
def test_half_a_character_is_no_json_beside_nan_either(client: FlaskClient, sent: str) -> None:
    assert post(client, sent, "/cluster-country")["status"] == 400


def test_a_field_by_both_its_names_is_refused() -> None:
    errors = errors_of(CUSTOMER, {**VALID, "Price": 5.0})
    assert errors == [{"field": "UnitPrice", "detail": "is Price too: send one of them"}]
    with pytest.raises(Invalid):
        understood(CUSTOMER, {**VALID, "Price": 5.0})


def test_a_wrong_value_is_named_by_the_name_that_it_came_under() -> None:
    asked = {"Customer ID": "x", "Quantity": 1, "Price": "1,5"}
    assert [error["field"] for error in errors_of(CUSTOMER, asked)] == ["Customer ID", "Price"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        *(("customer_id", "CustomerID"), ("CUSTOMERID", "CustomerID"), ("customer", "CustomerID")),
        *(("unit_price", "UnitPrice"), ("Unit Price", "UnitPrice"), ("quantity", "Quantity"), ("Quantiy", "Quantity")),
        *(("modelnumber", "model_number"), ("invoice_no", "InvoiceNo"), ("price", "Price")),
    ],
)
def test_a_name_that_is_not_known_brings_the_nearest_to_mind(name: str, nearest: str) -> None:
    fields = "there are model_number, CustomerID, Quantity, UnitPrice"
    found = errors_of(CUSTOMER, {**VALID, name: 1})
    assert found == [{"field": name, "detail": f"is not known (did you mean {nearest}?); {fields}"}]


@pytest.mark.parametrize("name", ["cluster", "cluster_name", "", "x", "\U0001f343", "---", "1"])
def test_a_name_that_is_like_none_brings_none_to_mind(name: str) -> None:
    detail = "is not known; there are model_number, CustomerID, Quantity, UnitPrice"
    assert errors_of(CUSTOMER, {**VALID, name: 1}) == [{"field": name, "detail": detail}]


def test_many_and_long_unknown_names_take_no_time() -> None:
    began = time.perf_counter()
    row = VALID | {f"CustomerI{place}{'D' * 1_000}": 1 for place in range(1_000)} | {"Quantit" * 100_000: 1}
    assert len(errors_of(CUSTOMER, row)) == MOST_ERRORS
    with pytest.raises(Invalid) as caught:
        understood(CUSTOMER, [row] * MOST_ROWS)
    assert len(caught.value.errors) == MOST_ERRORS
    assert time.perf_counter() - began < 2
