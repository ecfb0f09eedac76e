import json
from datetime import datetime, timezone
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.testing import assertDataFrameEqual

from arus import schemas
from arus.records import passes, reason
from jobs.retail_ingest import checks, parse

ARRIVED = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
RAW = "topic string, partition int, offset bigint, timestamp timestamp, key binary, value binary"
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


def parsed(spark: SparkSession, *values: bytes | None) -> DataFrame:
    rows = [("retail_stream", 1, offset, ARRIVED, b"536365", value) for offset, value in enumerate(values)]
    rules = checks(65536)
    judged = parse(spark.createDataFrame(rows, RAW)).withColumns({"is_usable": passes(rules), "reason": reason(rules)})
    assert judged.where("is_usable != (reason IS NULL)").isEmpty()
    return judged


def row(**changes: object) -> bytes:
    return json.dumps(ROW | changes).encode()


def values_of(spark: SparkSession, column: str, field: str, forms: list[object]) -> list[tuple[Any, str | None]]:
    frame = parsed(spark, *(row(**{field: form}) for form in forms)).orderBy("offset")
    return [(line[column], line.reason) for line in frame.collect()]


def test_a_row_becomes_typed_columns_and_its_place(spark: SparkSession) -> None:
    usable = parsed(spark, row()).withColumn("batch_id", F.lit(7).cast("bigint"))
    date = datetime(2010, 12, 1, 8, 26, tzinfo=timezone.utc)
    expected = (
        "536365",
        "85123A",
        "WHITE HEART, HANGING",
        6,
        date,
        2.55,
        17850,
        "United Kingdom",
        7,
        "retail_stream",
        1,
        0,
    )
    rows = spark.createDataFrame([expected], schemas.TABLES["retail"])
    assertDataFrameEqual(usable.select(rows.columns), rows)


def test_both_forms_of_a_date_are_read(spark: SparkSession) -> None:
    forms: list[object] = ["2011-10-06 16:20:00", "2011-10-06T16:20:00", "10/6/11 16:20", "10/6/2011 16:20"]
    found = values_of(spark, "invoice_date", "InvoiceDate", forms)
    expected = datetime(2011, 10, 6, 16, 20, tzinfo=timezone.utc)
    assert [(date.astimezone(timezone.utc), reason) for date, reason in found] == [(expected, None)] * 4


@pytest.mark.parametrize("form", ["16:20", "T16:20", "31/12/10 8:26", "kemarin", 20111006])
def test_what_is_no_date_is_rejected(spark: SparkSession, form: object) -> None:
    assert values_of(spark, "invoice_date", "InvoiceDate", [form]) == [(None, "wrong-type:InvoiceDate")]


def test_numbers_are_read_from_text_as_well(spark: SparkSession) -> None:
    assert values_of(spark, "quantity", "Quantity", [6, "6", "-12", 6.0]) == [
        (6, None),
        (6, None),
        (-12, None),
        (6, None),
    ]
    assert values_of(spark, "unit_price", "UnitPrice", [2.55, "2.55", 0, -11062.06]) == [
        (2.55, None),
        (2.55, None),
        (0.0, None),
        (-11062.06, None),
    ]


def test_a_customer_may_be_missing_or_written_with_a_point(spark: SparkSession) -> None:
    forms: list[object] = [17850, "17850", "17850.0", 17850.0, None, "", " "]
    expected: list[tuple[Any, str | None]] = [(17850, None)] * 4 + [(None, None)] * 3
    assert values_of(spark, "customer_id", "CustomerID", forms) == expected


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
        ({"UnitPrice": float("nan")}, "not-json"),
        ({"UnitPrice": "Infinity"}, "not-finite:UnitPrice"),
        ({"CustomerID": "John"}, "wrong-type:CustomerID"),
        ({"InvoiceDate": "1999-12-31 23:59:59"}, "absurd-time:InvoiceDate"),
        ({"InvoiceDate": "2026-11-22 12:00:01"}, "absurd-time:InvoiceDate"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(spark: SparkSession, changes: dict[str, object], code: str) -> None:
    assert [line.reason for line in parsed(spark, row(**changes)).collect()] == [code]


def test_a_brace_in_a_description_does_not_hide_what_trails(spark: SparkSession) -> None:
    fine = row(Description="SET OF {3} BOXES")
    lines = parsed(spark, fine, fine + b"}", fine + fine).orderBy("offset").collect()
    assert [(line.description, line.reason) for line in lines] == [
        ("SET OF {3} BOXES", None),
        (None, "trailing-bytes"),
        (None, "trailing-bytes"),
    ]
