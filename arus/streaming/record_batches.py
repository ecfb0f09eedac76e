"""The rules of `records` applied to whole Arrow batches of Kafka records: rows and rejects in one pass.

Most records are plain. Their fields are typed column by column, each distinct text once. Whatever is not plainly valid
is read again by itself, by the rules alone, which return the row or the reason.
"""

import base64
import functools
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from arus.base import times, values
from arus.schemas import TIME_FAULT
from arus.streaming import records as rules
from arus.streaming.records import Field, InvalidRecordError, Rule

MOMENT = pa.timestamp("us", "UTC")
ARROW_TYPES: dict[Rule, pa.DataType] = {
    values.text: pa.string(),
    values.identifier: pa.string(),
    values.number: pa.float64(),
    values.whole_number: pa.int32(),
    times.instant: MOMENT,
    times.date: MOMENT,
}
POSITION = ("topic", "partition", "offset")
HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
# Typed values that a Python worker remembers, for each rule: names, dates and counts come again and again.
REMEMBERED = 65_536
REMEMBERED_CHARACTERS = 100
MICROSECOND = timedelta(microseconds=1)
_TEXT: frozenset[type] = frozenset({str, type(None)})
_NUMBER: frozenset[type] = _TEXT | {int, float}
FLOATS = {float, type(None)}
NUMBERS = FLOATS | {int}
# What JSON values are typed by memory. As a key, the number 1 is the same as 1.0: no matter to a number, but to a name.
SIMPLE_TYPES: dict[Rule, frozenset[type]] = {
    values.text: _TEXT,
    values.identifier: _TEXT,
    values.number: _NUMBER,
    values.whole_number: _NUMBER,
    times.instant: _NUMBER,
    times.date: _NUMBER,
}


class Batch(NamedTuple):
    """What a batch of records holds: `rows` of the fields' columns with Kafka's position and time, and `rejects`."""

    rows: pa.Table
    rejects: pa.Table


def read_batch(records: pa.RecordBatch, fields: Sequence[Field], max_bytes: int) -> Batch:
    """Return a batch of Kafka records (arus/streaming/arrow_sink.py: RECORD) as rows and rejects."""
    schema = pa.schema(
        [(field.column, ARROW_TYPES[field.rule]) for field in fields]
        + [(TIME_FAULT, pa.string()) for field in fields if field.is_optional_time]
    )
    messages, is_plain = _messages(records.column("value"), max_bytes)
    arrived = records.column("timestamp")
    columns = []
    for field in fields:
        column, is_valid = _column(field, _given(messages, field), arrived)
        columns.append(column)
        is_plain = pc.and_(is_plain, is_valid)
    columns += [pa.nulls(records.num_rows, pa.string())] * (len(schema) - len(columns))
    rows = with_position(pa.Table.from_arrays(columns, schema=schema), records)
    if pc.all(is_plain).as_py() is not False:
        return Batch(rows, as_rejects(records.slice(0, 0), []))
    others = records.filter(pc.invert(is_plain))
    found, rejects = _one_by_one(others, fields, max_bytes, schema)
    return Batch(pa.concat_tables([rows.filter(is_plain), found]), rejects)


def _given(messages: list[dict[str, Any]], field: Field) -> list[Any]:
    # Where a required field is null, the record is read by itself, other names included.
    may_lack = not field.required
    try:
        found = list(map(itemgetter(field.name), messages))
    except KeyError:
        found, may_lack = [message.get(field.name) for message in messages], True
    for alias in field.aliases:
        if not may_lack or None not in found:
            break
        found = [message.get(alias) if one is None else one for one, message in zip(found, messages, strict=True)]
    return found


def with_position(rows: pa.Table, records: pa.RecordBatch) -> pa.Table:
    """Return the rows with topic, partition, offset and timestamp (Kafka's) of their records, one for each."""
    for name in (*POSITION, "timestamp"):
        rows = rows.append_column(name, records.column(name))
    return rows


def positions(rows: pa.Table | pa.RecordBatch) -> list[tuple[str, int, int]]:
    """Return where in Kafka the rows came from: topic, partition, offset."""
    return list(zip(*(rows.column(name).to_pylist() for name in POSITION), strict=True))


def alert_ids(rows: pa.Table) -> pa.Array:
    """Return the ids of the alerts that rows cause, the same however often they are read: topic-partition-offset."""
    partition, offset = (rows[name].cast(pa.string()) for name in ("partition", "offset"))
    return pc.binary_join_element_wise(rows["topic"], partition, offset, "-")


def as_rejects(records: pa.RecordBatch, reasons: Sequence[str]) -> pa.Table:
    """Return records as rows of the rejects table, but for its stamps: whole, each with its reason code."""
    columns = {name: records.column(name) for name in (*POSITION, "timestamp", "key", "value")}
    headers = [headers_of(text) for text in records.column("headers").to_pylist()]
    return pa.table({**columns, "headers": pa.array(headers, HEADERS), "reason": pa.array(reasons, pa.string())})


def headers_of(text: str | None) -> list[dict[str, Any]] | None:
    """Return a record's headers, which reach a task as JSON: nested in Arrow they cost more than the rest."""
    if text is None:
        return None
    return [
        {"key": header["key"], "value": base64.b64decode(header["value"]) if "value" in header else None}
        for header in json.loads(text)
    ]


def _messages(values: pa.Array, max_bytes: int) -> tuple[list[dict[str, Any]], pa.Array]:
    """Return the JSON objects that the values hold, and which of them are plainly so; {} in place of the others."""
    is_short = pc.fill_null(pc.less_equal(pc.binary_length(values), max_bytes), fill_value=False)
    texts = pc.if_else(is_short, values, None).to_pylist()
    try:
        found = [orjson.loads(text) for text in texts]
    except ValueError:
        found = [_json(text) for text in texts]
    if set(map(type, found)) <= {dict}:
        return found, is_short
    is_object = pa.array([type(one) is dict for one in found])
    return [one if type(one) is dict else {} for one in found], pc.and_(is_short, is_object)


def _json(text: bytes | None) -> Any:
    try:
        return orjson.loads(text or b"")
    except ValueError:
        return None


def _column(field: Field, given: list[Any], arrived: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return the field's typed column, and where it is plainly valid."""
    column = _typed(field, given)
    if field.is_time:
        latest = pc.add(arrived, pa.scalar(field.ahead, pa.duration("us")))
        is_valid = pc.and_(pc.greater_equal(column, pa.scalar(rules.EARLIEST, MOMENT)), pc.less_equal(column, latest))
    elif field.rule is values.number:
        is_valid = pc.and_(pc.greater_equal(column, field.least), pc.less_equal(column, field.most))
    else:
        is_valid = pc.is_valid(column)
    is_valid = pc.fill_null(is_valid, fill_value=False)
    if field.required or not column.null_count:
        return column, is_valid
    is_missing = column.is_null()
    if given.count(None) != column.null_count:
        nulls = is_missing.to_pylist()
        is_missing = pa.array([is_null and field.lacks(one) for is_null, one in zip(nulls, given, strict=True)])
    column = pc.if_else(is_missing, arrived, column) if field.is_time else column
    return column, pc.or_(is_valid, is_missing)


def _typed(field: Field, given: list[Any]) -> pa.Array:
    """Return the values with their type by the field's rule, null where that needs a closer look."""
    rule, types = field.rule, set(map(type, given))
    if rule is times.instant and types <= NUMBERS:
        return _moments(_floats(given, types))
    if rule is values.number and types <= NUMBERS:
        return _floats(given, types)
    memory, simple = _memory(rule, field.required), SIMPLE_TYPES[rule]
    if not types <= simple:
        given = [one if type(one) in simple else None for one in given]
    typed = pa.array(list(map(memory.__getitem__, given)), pa.int64() if field.is_time else ARROW_TYPES[rule])
    return typed.cast(ARROW_TYPES[rule])


def _floats(given: list[Any], types: set[type]) -> pa.Array:
    memory = _memory(values.number, True)
    floats = given if types <= FLOATS else [one if type(one) is float else memory[one] for one in given]
    return pa.array(floats, pa.float64())


def _moments(amounts: pa.Array) -> pa.Array:
    """Return numbers since 1970 as times, as `times.instant` does; null for those that are too far away."""
    fits = [pc.less(pc.abs(amounts), bound) for bound, _ in times.UNITS]
    micros = [pa.scalar(micros) for _, micros in times.UNITS]
    unit = micros[0] if pc.all(fits[0]).as_py() else pc.case_when(pc.make_struct(*fits), *micros)
    return pc.floor(pc.add(pc.multiply(amounts, unit), 0.5)).cast(pa.int64()).cast(MOMENT)


class Memory(dict[Any, Any]):
    """Values as a rule types them, each distinct one looked at once; a time in microseconds, None for ValueError.

    What stands for a missing value is None as well, where the field is optional.
    """

    def __init__(self, rule: Rule, required: bool = True) -> None:
        super().__init__()
        self._rule = rule
        self._required = required

    def __missing__(self, value: Any) -> Any:
        is_missing = value is None if self._required else values.is_missing(value)
        try:
            typed = None if is_missing else self._rule(value)
        except ValueError:
            typed = None
        typed = (typed - times.EPOCH) // MICROSECOND if isinstance(typed, datetime) else typed
        if not isinstance(value, str) or len(value) <= REMEMBERED_CHARACTERS:
            if len(self) >= REMEMBERED:
                self.clear()
            self[value] = typed
        return typed


_memory = functools.cache(Memory)


def _one_by_one(
    records: pa.RecordBatch, fields: Sequence[Field], max_bytes: int, schema: pa.Schema
) -> tuple[pa.Table, pa.Table]:
    rows, valid, invalid, reasons = [], [], [], []
    pairs = zip(records.column("value").to_pylist(), records.column("timestamp").to_pylist(), strict=True)
    for index, (value, arrived) in enumerate(pairs):
        try:
            rows.append(rules.read_record(value, arrived, fields, max_bytes))
            valid.append(index)
        except InvalidRecordError as error:
            invalid.append(index)
            reasons.append(error.reason)
    found = with_position(pa.Table.from_pylist(rows, schema), records.take(pa.array(valid, pa.int64())))
    return found, as_rejects(records.take(pa.array(invalid, pa.int64())), reasons)
