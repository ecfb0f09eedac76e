"""Whole Arrow batches: where the columns come from, what rejects hold, and that memory does not change a verdict."""

import json
from datetime import datetime, timezone

import pytest

from arus.base.times import date
from arus.base.values import identifier, text, whole_number
from arus.streaming import record_batches
from arus.streaming.record_batches import Memory, alert_ids, headers_of, positions, read_batch
from arus.streaming.records import Field
from tests.streaming.kafka_records import ARRIVED, batch

FIELDS = (
    Field("InvoiceNo", identifier, "invoice_no"),
    Field("Description", text, "description", required=False),
    Field("Quantity", whole_number, "quantity"),
    Field("InvoiceDate", date, "invoice_date"),
    Field("CustomerID", whole_number, "customer_id", required=False),
)


def sale(**changes: object) -> bytes:
    plain = {"InvoiceNo": "1", "Description": "A", "Quantity": 6, "InvoiceDate": "2011-10-06 16:20:00", "CustomerID": 7}
    return json.dumps(plain | changes).encode()


def test_a_row_has_its_fields_and_where_and_when_it_came() -> None:
    [row] = read_batch(batch("retail_stream", [sale()]), FIELDS, 1000).rows.to_pylist()
    assert row == {
        "invoice_no": "1",
        "description": "A",
        "quantity": 6,
        "invoice_date": datetime(2011, 10, 6, 16, 20, tzinfo=timezone.utc),
        "customer_id": 7,
        "topic": "retail_stream",
        "partition": 0,
        "offset": 0,
        "timestamp": ARRIVED,
    }


def test_every_form_of_a_value_gives_the_same_row_whatever_came_before() -> None:
    sales = [
        sale(Quantity=quantity, CustomerID=customer, InvoiceNo=number, InvoiceDate=day)
        for quantity in (1, 1.0, "1", True, 1.5)
        for customer in (7, 7.0, "7", "7.0", None, "", " ", False)
        for number in ("1", 1, 1.0, True)
        for day in ("2011-10-06 16:20:00", "10/6/11 16:20", "soon")
    ]
    together = read_batch(batch("retail_stream", sales), FIELDS, 1000)
    alone = [read_batch(batch("retail_stream", [one]), FIELDS, 1000) for one in sales]
    rows = {row["offset"]: row | {"offset": 0} for row in together.rows.to_pylist()}
    assert rows == {offset: one.rows.to_pylist()[0] for offset, one in enumerate(alone) if one.rows.num_rows}
    reasons = {row["offset"]: row["reason"] for row in together.rejects.to_pylist()}
    assert reasons == {
        offset: one.rejects["reason"][0].as_py() for offset, one in enumerate(alone) if one.rejects.num_rows
    }
    assert {row["invoice_no"] for row in rows.values()} == {"1", "true"}
    assert set(reasons.values()) == {"wrong-type:Quantity", "wrong-type:CustomerID", "wrong-type:InvoiceDate"}


def test_a_reject_is_the_record_as_it_came() -> None:
    headers = '[{"key":"h","value":"/wA="},{"key":"none"}]'
    _, rejects = read_batch(batch("retail_stream", [sale(), b"{", None], headers), FIELDS, 1000)
    assert [tuple(row.values()) for row in rejects.to_pylist()] == [
        ("retail_stream", 0, offset, ARRIVED, b"a key", value, headers_of(headers), reason)
        for offset, value, reason in ((1, b"{", "not-json"), (2, None, "null-value"))
    ]
    assert headers_of(headers) == [{"key": "h", "value": b"\xff\x00"}, {"key": "none", "value": None}]
    assert headers_of(None) is None


def test_a_batch_may_be_empty_or_have_nothing_usable() -> None:
    for values in ([], [b"{", b"[1]"]):
        rows, rejects = read_batch(batch("retail_stream", values), FIELDS, 1000)
        assert (rows.num_rows, rejects.num_rows) == (0, len(values))


def test_a_value_may_be_as_long_as_the_limit() -> None:
    value = sale()
    for limit, kept in ((len(value), 1), (len(value) - 1, 0)):
        rows, rejects = read_batch(batch("retail_stream", [value]), FIELDS, limit)
        assert (rows.num_rows, rejects["reason"].to_pylist()) == (kept, ["oversize"] * (1 - kept))


def test_an_alert_is_named_after_the_position_of_its_cause() -> None:
    rows, _ = read_batch(batch("a-topic", [sale(), sale()]), FIELDS, 1000)
    assert positions(rows) == [("a-topic", 0, 0), ("a-topic", 0, 1)]
    assert alert_ids(rows).to_pylist() == ["a-topic-0-0", "a-topic-0-1"]


def test_a_long_text_is_not_remembered() -> None:
    memory = Memory(text)
    assert memory["x" * 101] == "x" * 101
    assert len(memory) == 0


def test_a_missing_value_is_missing_whatever_form_the_rest_has() -> None:
    words = (None, "", "  ", "NaN", "NULL", " None\n", float("nan"))
    sales = [sale(Description=word, CustomerID=word, InvoiceNo=number) for word in words for number in ("1", 1)]
    rows = read_batch(batch("retail_stream", sales), FIELDS, 1000).rows
    assert rows["description"].to_pylist() == rows["customer_id"].to_pylist() == [None] * len(sales)


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_batches, "REMEMBERED", 10)
    memory = Memory(whole_number)
    assert [memory[str(value)] for value in range(100)] == list(range(100))
    assert len(memory) <= 10
