import json
from datetime import datetime, timezone
from typing import Any

import pytest

from arus.streaming.task_rows import REJECTS
from jobs.retail_ingest import rows
from tests.streaming.kafka_records import batch

ROW: dict[str, Any] = {
    "InvoiceNo": "536365",
    "StockCode": "85123A",
    "Description": "WHITE HEART, HANGING",
    "Quantity": 6,
    "InvoiceDate": "2010-12-01 08:26:00",
    "UnitPrice": 2.55,
    "CustomerID": 17850,
    "Country": "United Kingdom",
}


def row(**changes: object) -> bytes:
    return json.dumps(ROW | changes).encode()


def kept(*values: bytes | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rows(batch("retail_stream", values), 65536)["retail"].to_pylist()
    return found


def reasons(*values: bytes | None) -> list[str]:
    found: list[str] = rows(batch("retail_stream", values), 65536)[REJECTS]["reason"].to_pylist()
    return found


def values_of(column: str, field: str, forms: list[object]) -> list[Any]:
    return [line[column] for line in kept(*(row(**{field: form}) for form in forms))]


def test_a_row_becomes_typed_columns_and_its_place() -> None:
    [found] = kept(row())
    del found["timestamp"]
    assert found == {
        "invoice_no": "536365",
        "stock_code": "85123A",
        "description": "WHITE HEART, HANGING",
        "quantity": 6,
        "invoice_date": datetime(2010, 12, 1, 8, 26, tzinfo=timezone.utc),
        "unit_price": 2.55,
        "customer_id": 17850,
        "country": "United Kingdom",
        "topic": "retail_stream",
        "partition": 0,
        "offset": 0,
    }


def test_both_forms_of_a_date_are_read() -> None:
    forms: list[object] = ["2011-10-06 16:20:00", "2011-10-06T16:20:00", "10/6/11 16:20", "10/6/2011 16:20"]
    expected = datetime(2011, 10, 6, 16, 20, tzinfo=timezone.utc)
    assert values_of("invoice_date", "InvoiceDate", forms) == [expected] * 4


@pytest.mark.parametrize("form", ["16:20", "T16:20", "31/12/10 8:26", "01-12-2010 08:26", "kemarin", True])
def test_what_is_no_date_is_rejected(form: object) -> None:
    assert reasons(row(InvoiceDate=form)) == ["wrong-type:InvoiceDate"]


def test_numbers_are_read_from_text_as_well() -> None:
    assert values_of("quantity", "Quantity", [6, "6", "-12", 6.0]) == [6, 6, -12, 6]
    assert values_of("unit_price", "UnitPrice", [2.55, "2.55", 0, -11062.06]) == [2.55, 2.55, 0.0, -11062.06]


def test_a_customer_may_be_missing_or_written_with_a_point() -> None:
    forms: list[object] = [17850, "17850", "17850.0", 17850.0, None, "", " "]
    assert sorted(values_of("customer_id", "CustomerID", forms), key=str) == [17850] * 4 + [None] * 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"InvoiceNo": None}, "missing-field:InvoiceNo"),
        ({"StockCode": ""}, "wrong-type:StockCode"),
        ({"Quantity": None}, "missing-field:Quantity"),
        ({"Quantity": 6.5}, "wrong-type:Quantity"),
        ({"Quantity": "six"}, "wrong-type:Quantity"),
        ({"Quantity": 3_000_000_000}, "wrong-type:Quantity"),
        ({"UnitPrice": "free"}, "wrong-type:UnitPrice"),
        ({"UnitPrice": True}, "wrong-type:UnitPrice"),
        ({"UnitPrice": float("nan")}, "not-finite:UnitPrice"),
        ({"UnitPrice": "Infinity"}, "not-finite:UnitPrice"),
        ({"CustomerID": "John"}, "wrong-type:CustomerID"),
        ({"InvoiceDate": "1999-12-31 23:59:59"}, "absurd-time:InvoiceDate"),
        ({"InvoiceDate": "2026-11-22 12:00:01"}, "absurd-time:InvoiceDate"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(changes: dict[str, object], code: str) -> None:
    assert (reasons(row(**changes)), kept(row(**changes))) == ([code], [])


def test_a_brace_in_a_description_does_not_hide_what_trails() -> None:
    fine = row(Description="SET OF {3} BOXES")
    assert [line["description"] for line in kept(fine)] == ["SET OF {3} BOXES"]
    assert reasons(fine + b"}", fine + fine) == ["trailing-bytes"] * 2
