from contextlib import nullcontext
from typing import Any

import pytest

from server.fields import COUNTRY, CUSTOMER, KINDS, PRODUCT, Kind
from server.validation import MOST_ERRORS, MOST_ROWS, Invalid, errors_of, understood

VALID = {"model_number": "1", "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}
QUANTITY_RULE = "a number of pieces from -1,000,000,000 to 1,000,000,000; a negative one is a return"
PRICE_RULE = "a price for one piece from 0 to 1,000,000,000"


def is_valid(kind: Kind, row: object) -> bool:
    """Return whether it is understood; where it is not, the errors must say why."""
    errors = errors_of(kind, row)
    with pytest.raises(Invalid) if errors else nullcontext():
        understood(kind, row)
    return not errors


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in VALID.items() if key != name}


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_each_kind_is_valid(kind: Kind) -> None:
    assert is_valid(kind, {field.name: field.example for field in kind.fields})


@pytest.mark.parametrize("number", ["1", 1, 1.0, 999_999_999, None])
def test_a_model_number_is_a_number_or_a_string_or_null(number: object) -> None:
    assert is_valid(CUSTOMER, {**VALID, "model_number": number})


def test_a_model_number_may_be_left_out() -> None:
    assert is_valid(CUSTOMER, without("model_number"))


@pytest.mark.parametrize("number", ["", "0", "1.5", "-1", "one", "1" * 10, "١", 0, -1, 1.5, 10**9, True, [], {}])
def test_what_is_no_model_number_is_refused(number: object) -> None:
    assert [error["field"] for error in errors_of(CUSTOMER, {**VALID, "model_number": number})] == ["model_number"]


@pytest.mark.parametrize("customer", [0, 17850, 17850.0, "17850", "017850", 10**15 - 1])
def test_a_customer_is_a_whole_number_or_digits(customer: object) -> None:
    assert is_valid(CUSTOMER, {**VALID, "CustomerID": customer})


@pytest.mark.parametrize(
    "customer",
    [None, "", " ", "x", "17850.5", "١٧", "17850,0", "\0", -1, "-1", 17850.5, 10**15, 1e300, float("nan"), False, [1]],
)
def test_what_is_no_customer_is_refused(customer: object) -> None:
    assert [error["field"] for error in errors_of(CUSTOMER, {**VALID, "CustomerID": customer})] == ["CustomerID"]


@pytest.mark.parametrize("code", ["85123A", "POST", 22423, 22423.0, "x" * 64, "é"])
def test_a_stock_code_is_text_or_a_whole_number(code: object) -> None:
    assert is_valid(PRODUCT, {"StockCode": code, "Quantity": 1, "UnitPrice": 1})


@pytest.mark.parametrize("code", ["", "x" * 65, "a\0b", "a\n", "\x7f", -1, 1.5, True, None, ["85123A"]])
def test_what_is_no_stock_code_is_refused(code: object) -> None:
    assert not is_valid(PRODUCT, {"StockCode": code, "Quantity": 1, "UnitPrice": 1})


@pytest.mark.parametrize("country", [1, 1.0, None, "", "x" * 65, "a\tb"])
def test_a_country_is_text_only(country: object) -> None:
    assert not is_valid(COUNTRY, {"Country": country, "Quantity": 1, "UnitPrice": 1})


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("Quantity", "ten", f"is 'ten', but must be {QUANTITY_RULE}"),
        ("Quantity", True, f"is true, but must be {QUANTITY_RULE}"),
        ("Quantity", None, f"is null, but must be {QUANTITY_RULE}"),
        ("Quantity", float("nan"), f"is NaN, but must be {QUANTITY_RULE}"),
        ("Quantity", float("-inf"), f"is infinite, but must be {QUANTITY_RULE}"),
        ("Quantity", 1_000_000_001, f"is too large, but must be {QUANTITY_RULE}"),
        ("Quantity", -1e10, f"is too large, but must be {QUANTITY_RULE}"),
        ("UnitPrice", -0.01, f"is -0.01, but must be {PRICE_RULE}"),
        ("UnitPrice", 10**400, f"is too large, but must be {PRICE_RULE}"),
        ("UnitPrice", {"a": 1}, f"is an object, but must be {PRICE_RULE}"),
        ("UnitPrice", [], f"is a list, but must be {PRICE_RULE}"),
        ("UnitPrice", "x" * 100, f"is '{'x' * 39}..., but must be {PRICE_RULE}"),
    ],
)
def test_a_wrong_value_is_named_with_its_field_and_the_rule(name: str, value: object, detail: str) -> None:
    assert errors_of(CUSTOMER, {**VALID, name: value}) == [{"field": name, "detail": detail}]


@pytest.mark.parametrize(("quantity", "price"), [(-10, 0), (0, 1e9), (-1e9, 0.0), (1_000_000_000, 1e-300)])
def test_returns_and_the_bounds_themselves_are_valid(quantity: float, price: float) -> None:
    assert is_valid(CUSTOMER, {**VALID, "Quantity": quantity, "UnitPrice": price})


def test_a_field_that_is_not_known_is_refused() -> None:
    assert not is_valid(CUSTOMER, {**VALID, "cluster": 1})
    assert not is_valid(CUSTOMER, {**without("model_number"), "modelnumber": "1"})


def test_every_wrong_field_is_named_at_once() -> None:
    assert errors_of(CUSTOMER, {"CustomerID": "x", "UnitPrice": -1, "Qty": 3}) == [
        {"field": "CustomerID", "detail": f"is 'x', but must be {CUSTOMER.id.rule}"},
        {"field": "Quantity", "detail": f"is missing: {QUANTITY_RULE}"},
        {"field": "UnitPrice", "detail": f"is -1, but must be {PRICE_RULE}"},
        {"field": "Qty", "detail": "is not known; there are model_number, CustomerID, Quantity, UnitPrice"},
    ]


@pytest.mark.parametrize("asked", [None, 1, "text", True, 1.5])
def test_what_is_neither_an_object_nor_a_list_is_refused(asked: object) -> None:
    with pytest.raises(Invalid, match="must be an object"):
        understood(CUSTOMER, asked)


@pytest.mark.parametrize("rows", [0, MOST_ROWS + 1])
def test_a_list_has_its_bounds(rows: int) -> None:
    with pytest.raises(Invalid, match=f"a list has 1 to 10,000 requests, this one has {rows:,}"):
        understood(CUSTOMER, [VALID] * rows)


def test_a_full_list_is_valid() -> None:
    understood(CUSTOMER, [VALID] * MOST_ROWS)


def test_in_a_list_the_row_is_named_too() -> None:
    with pytest.raises(Invalid) as caught:
        understood(CUSTOMER, [VALID, without("Quantity"), VALID, [VALID]])
    assert caught.value.detail == f"request 1 of the list (the first is 0): Quantity is missing: {QUANTITY_RULE}"
    assert caught.value.errors == [
        {"index": 1, "field": "Quantity", "detail": f"is missing: {QUANTITY_RULE}"},
        {"index": 3, "field": "", "detail": "is a list, but must be an object"},
    ]


def test_of_many_errors_the_first_are_named() -> None:
    with pytest.raises(Invalid) as caught:
        understood(CUSTOMER, [{}] * 100)
    assert len(caught.value.errors) == MOST_ERRORS
    assert len(errors_of(CUSTOMER, VALID | {f"x{place}": 1 for place in range(100)})) == MOST_ERRORS
