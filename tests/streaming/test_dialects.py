"""Each value in every form that is understood, in all combinations that differ in kind: always the same row.

And each near miss has its reason, whatever the rest of the record looks like.
"""

import itertools
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession

from arus.base.times import instant
from arus.base.values import identifier, number
from arus.streaming.record_batches import read_batch
from arus.streaming.record_columns import is_usable, typed, with_message
from arus.streaming.records import Field, InvalidRecordError, aliases, read_record
from jobs.retail_ingest import FIELDS as RETAIL
from tests.streaming.kafka_records import ARRIVED, batch, frame

MAX_BYTES = 65_536
READING = aliases(
    "temperature=suhu temp=suhu sensor=sensor_id ts=timestamp",
    Field("sensor_id", identifier, "sensor_id"),
    Field("suhu", number, "suhu", least=-273.15, most=2000.0),
    Field("timestamp", instant, "event_time", required=False, ahead=timedelta(seconds=10)),
)
# Noon, as ARRIVED is.
TIMES = (
    "1795262400", "1795262400.0", '"1795262400"', "1795262400000", '"1795262400000"', "1795262400000000",
    "1795262400000000000", '"2026-11-21T12:00:00Z"', '"2026-11-21 12:00"', '"2026-11-21 19:00:00+07:00"',
    '"2026/11/21 12:00:00,000"', '" 2026-11-21t05:00:00.000 -0700 "', "null", '""', '"N/A"', "NaN",
)  # fmt: skip
# Field -> JSON of one value in its forms.
READING_FORMS = {
    "sensor_id": ("17", '"17"', '" 17\\n"', "17.0", '"17.0"', '"\\u0031\\u0037"'),
    "suhu": ("82.5", '"82.5"', "8.25e1", '" +82.50 "', '"825E-1"'),
    "timestamp": TIMES,
}
READING_MISSES = {
    "sensor_id": {"null": "missing-field", '" "': "wrong-type", "[17]": "wrong-type", "NaN": "wrong-type"},
    "suhu": {'"82,5"': "wrong-type", "true": "wrong-type", "NaN": "not-finite", "2000.1": "out-of-range"},
}
RETAIL_FORMS = {
    "InvoiceNo": ("536365", '"536365"', "536365.0", '"536365.0"', '" 536365 "'),
    "StockCode": ('"85123A"', '" 85123A\\t"'),
    "Description": ("null", '""', '"  "', "NaN", '"nan"', '"NULL"', '"N/A"', '"None"'),
    "Quantity": ("6", "6.0", '"6"', '"6.0"', '" 6 "', '"6e0"'),
    "InvoiceDate": (
        '"2010-12-01 08:26:00"', '"2010-12-01T08:26:00.000Z"', '"2010-12-01T09:26:00+01:00"', '"2010/12/01 08:26"',
        '"12/1/10 8:26"', '"12/1/2010 8:26:00 AM"', '"01.12.2010 08:26"', "1291191960", "1291191960000",
        '"1291191960000"', "40513.35139", '"40513.35139"',
    ),
    "UnitPrice": ("2.55", '"2.55"', "255e-2", '" 2.550"'),
    "CustomerID": ("17850", "17850.0", '"17850"', '"17850.0"'),
    "Country": ('"United Kingdom"',),
}  # fmt: skip
RETAIL_MISSES = {
    "InvoiceNo": {"null": "missing-field", '""': "wrong-type", "{}": "wrong-type", "Infinity": "wrong-type"},
    "Quantity": {"6.5": "wrong-type", '"six"': "wrong-type", "2147483648": "wrong-type", '"6,0"': "wrong-type"},
    "InvoiceDate": {
        '"31/12/10 8:26"': "wrong-type", '"01-12-2010 08:26"': "wrong-type", '"soon"': "wrong-type",
        "7": "absurd-time", '"2126-01-01"': "absurd-time",
    },
    "UnitPrice": {'"2,55"': "wrong-type", "1e400": "not-finite", "null": "missing-field"},
    "CustomerID": {'"A1"': "wrong-type", "17850.5": "wrong-type"},
}  # fmt: skip
# How the object stands in the record's value.
AROUND = ("{}", " {}\r\n", "\ufeff{}", "\t\ufeff {}", "{}\ufeff")
NEAR = {
    "\0\0\0\0\7{}": "schema-registry-header", "{}x": "trailing-bytes", "[{}]": "not-object", "x{}": "not-json",
}  # fmt: skip


def record(fields: Sequence[Field], forms: Mapping[str, Any], names: int, around: str, twice: bool) -> bytes:
    """Return a record: fields in these forms, each under its name of this number, in or out of a string."""
    parts = [f'"{field.names[names % len(field.names)]}": {forms[field.name]}' for field in fields]
    value = "{" + ", ".join([*parts, '"more": {"a": [1]}']) + "}"
    return around.replace("{}", json.dumps(value) if twice else value).encode()


def dialects(fields: Sequence[Field], forms: Mapping[str, Sequence[str]]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield forms and records in which each two forms of different kinds meet; the others are drawn."""
    rng = random.Random(20261130)
    kinds: dict[str, Sequence[Any]] = {**forms, "names": range(3), "around": AROUND, "twice": (False, True)}
    for one, other in itertools.combinations(kinds, 2):
        for pair in itertools.product(kinds[one], kinds[other]):
            drawn = {kind: rng.choice(those) for kind, those in kinds.items()}
            drawn |= dict(zip((one, other), pair, strict=True))
            yield drawn, record(fields, drawn, drawn["names"], drawn["around"], drawn["twice"])


def plain(fields: Sequence[Field], forms: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    first = record(fields, {name: those[0] for name, those in forms.items()}, 0, "{}", False)
    return read_record(first, ARRIVED, fields, MAX_BYTES)


@pytest.mark.parametrize(("fields", "forms"), [(READING, READING_FORMS), (RETAIL, RETAIL_FORMS)])
def test_every_dialect_gives_the_same_row(fields: Sequence[Field], forms: Mapping[str, Sequence[str]]) -> None:
    expected = plain(fields, forms)
    values = [value for _, value in dialects(fields, forms)]
    assert len(values) > 250
    for value in values:
        assert read_record(value, ARRIVED, fields, MAX_BYTES) == expected, value
    rows, rejects = read_batch(batch("t", values), fields, MAX_BYTES)
    assert rejects.num_rows == 0
    assert rows.select(list(expected)).to_pylist() == [expected] * len(values)


def test_every_dialect_is_the_same_in_real_time_mode(spark: SparkSession) -> None:
    expected = plain(READING, READING_FORMS)
    raw = frame(spark, batch("t", [value for _, value in dialects(READING, READING_FORMS)]))
    usable = with_message(raw, READING).where(is_usable(READING, MAX_BYTES))
    found = usable.select(*(typed(field).alias(field.column) for field in READING)).distinct().toArrow().to_pylist()
    assert [{**row, "time_fault": None} for row in found] == [expected]
    assert usable.count() == raw.count()


def near_misses(
    fields: Sequence[Field], forms: Mapping[str, Sequence[str]], misses: Mapping[str, Mapping[str, str]]
) -> Iterable[tuple[bytes, str]]:
    """Yield records with one thing wrong, each in several dialects, and the reason."""
    for turn, (drawn, _) in enumerate(itertools.islice(dialects(fields, forms), 0, None, 40)):
        for name, wrong in misses.items():
            for form, reason in wrong.items():
                value = record(fields, {**drawn, name: form}, turn, drawn["around"], drawn["twice"])
                yield value, f"{reason}:{name}"
        for around, reason in NEAR.items():
            yield record(fields, drawn, turn, around, twice=False), reason


@pytest.mark.parametrize(
    ("fields", "forms", "misses"),
    [(READING, READING_FORMS, READING_MISSES), (RETAIL, RETAIL_FORMS, RETAIL_MISSES)],
)
def test_every_near_miss_has_its_reason(
    fields: Sequence[Field], forms: Mapping[str, Sequence[str]], misses: Mapping[str, Mapping[str, str]]
) -> None:
    cases = list(near_misses(fields, forms, misses))
    assert len(cases) > 100
    for value, reason in cases:
        with pytest.raises(InvalidRecordError) as raised:
            read_record(value, ARRIVED, fields, MAX_BYTES)
        assert raised.value.reason == reason, value
    rows, rejects = read_batch(batch("t", [value for value, _ in cases]), fields, MAX_BYTES)
    assert rows.num_rows == 0
    assert rejects["reason"].to_pylist() == [reason for _, reason in cases]
