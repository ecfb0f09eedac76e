"""What a Kafka record means: plain rules that make a row of its bytes, or say by a reason code why it is none.

One record at a time, no Spark, no Arrow. `record_batches` applies the same rules to whole Arrow batches, and
`record_columns` says them as Spark columns, for Real-time Mode.
"""

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson

from arus.base.times import date, instant
from arus.base.values import BLANKS, identifier, is_missing, text
from arus.errors import ArusError
from arus.schemas import TIME_FAULT

Rule = Callable[[Any], Any]

EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)
# How far ahead of Kafka's own clock a date may be, where nothing else is said.
MAX_AHEAD = timedelta(days=1)
LARGEST = sys.float_info.max
BYTE_ORDER_MARK = "\ufeff"
# Around a value, these are nothing.
AROUND = BLANKS + BYTE_ORDER_MARK
# A serializer that knows a schema registry puts a zero byte and the schema's number, four bytes, before the value.
REGISTRY_HEADER_BYTES = 5
# The first character is a letter or a digit: `_end` is record_columns.py's own.
ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# What the table keeps of a time that could not be used.
FAULT_CHARACTERS = 100


class InvalidRecordError(ValueError):
    """A record that cannot be used; `reason` is the code that goes into the rejects with it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


TIMES: tuple[Rule, ...] = (instant, date)
NAMES: tuple[Rule, ...] = (identifier, text)


@dataclass(frozen=True)
class Field:
    """A field of a message: its name, the rule that reads it, and the table's column that it becomes.

    `least` and `most` bound a number, both allowed; `ahead` how far a time may be ahead of Kafka's. `aliases` are read
    where the name itself is missing or null. An optional field may also be one of MISSING (arus/base/values.py). An
    optional time that is missing, or cannot be used, is Kafka's own.
    """

    name: str
    rule: Rule
    column: str
    required: bool = True
    least: float = -LARGEST
    most: float = LARGEST
    ahead: timedelta = MAX_AHEAD
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    @property
    def is_time(self) -> bool:
        return self.rule in TIMES

    @property
    def is_optional_time(self) -> bool:
        return self.is_time and not self.required

    def given(self, message: Mapping[str, Any]) -> Any:
        """Return what a message has under the first of the field's names that has anything."""
        return next((value for name in self.names if (value := message.get(name)) is not None), None)

    def lacks(self, value: Any) -> bool:
        """Return whether a value that was given is none: null, or one of MISSING in an optional field."""
        return value is None if self.required else is_missing(value)

    def read(self, message: Mapping[str, Any], arrived: datetime) -> Any:
        """Return the field's typed value, None where it is missing and may be; `arrived` is Kafka's time.

        Raises InvalidRecordError: missing-field, wrong-type, not-finite, out-of-range or absurd-time, and the name.
        """
        value = self.given(message)
        if self.lacks(value):
            if self.required:
                raise InvalidRecordError(f"missing-field:{self.name}")
            return arrived if self.is_time else None
        try:
            typed = self.rule(value)
        except ValueError as error:
            raise InvalidRecordError(f"wrong-type:{self.name}") from error
        if isinstance(typed, datetime) and not EARLIEST <= typed <= arrived + self.ahead:
            raise InvalidRecordError(f"absurd-time:{self.name}")
        if isinstance(typed, float) and not math.isfinite(typed):
            raise InvalidRecordError(f"not-finite:{self.name}")
        if isinstance(typed, float) and not self.least <= typed <= self.most:
            raise InvalidRecordError(f"out-of-range:{self.name}")
        return typed


def ahead(seconds: float) -> timedelta:
    """Return the setting of how far ahead of Kafka's a time may be; ArusError where it is not 0 to a day."""
    if not 0 <= seconds <= MAX_AHEAD.total_seconds():
        raise ArusError(f"settings: spark.arus.max-ahead-seconds must be 0 to {MAX_AHEAD.total_seconds():.0f}")
    return timedelta(seconds=seconds)


def aliases(setting: str, *fields: Field) -> tuple[Field, ...]:
    """Return the fields with the other names that a setting such as `temperature=suhu temp=suhu` gives them.

    ArusError where the setting is not of that form, names none of the fields, or has a name twice: Spark takes names
    that differ in case only for one.
    """
    pairs = [part.partition("=") for part in setting.split()]
    names = [field.name for field in fields]
    if wrong := [alias for alias, _, name in pairs if not (ALIAS.fullmatch(alias) and name in names)]:
        form = f"ALIAS=FIELD, such as temperature=suhu, with a FIELD of {', '.join(names)}"
        raise ArusError(f"settings: spark.arus.aliases: {wrong[0]!r} is not {form}")
    known = Counter(name.lower() for name in [*names, *(alias for alias, _, _ in pairs)])
    if twice := [name for name, count in known.items() if count > 1]:
        raise ArusError(f"settings: spark.arus.aliases has a name twice: {twice[0]}")
    return tuple(
        replace(field, aliases=tuple(alias for alias, _, name in pairs if name == field.name)) for field in fields
    )


def read_record(value: bytes | None, arrived: datetime, fields: Sequence[Field], max_bytes: int) -> dict[str, Any]:
    """Return a record's value as a row, column by column; raise InvalidRecordError where it cannot be used.

    Where a time is optional, the row has `time_fault` as well: why the time that was sent could not be used, if so, and
    what it was, as `absurd-time:timestamp=7`.
    """
    message = json_object(value, max_bytes)
    if any(field.rule in NAMES and type(field.given(message)) is float for field in fields):
        # orjson makes floats of whole numbers of more than 64 bits; Python keeps all their digits.
        message = json_object(value, max_bytes, parse=_lenient_json)
    row: dict[str, Any] = {}
    for field in fields:
        try:
            row[field.column], fault = field.read(message, arrived), None
        except InvalidRecordError as error:
            if not field.is_optional_time:
                raise
            row[field.column] = arrived
            fault = f"{error.reason}={_shown(field.given(message))}"[:FAULT_CHARACTERS]
        if field.is_optional_time:
            row[TIME_FAULT] = fault
    return row


def _shown(value: Any) -> str:
    try:
        return text(value)
    except ValueError as error:
        return str(error)


def json_object(value: bytes | None, max_bytes: int, parse: Callable[[bytes], Any] | None = None) -> dict[str, Any]:
    """Return the one JSON object that a value holds, itself or in a JSON string.

    Raises InvalidRecordError for anything else, or more.
    """
    if value is None:
        raise InvalidRecordError("null-value")
    if len(value) > max_bytes:
        raise InvalidRecordError("oversize")
    found = (parse or _json)(value)
    if isinstance(found, str):
        found = _encoded_twice(found, parse or _json)
    if not isinstance(found, dict):
        raise InvalidRecordError("not-object")
    return found


def _encoded_twice(text: str, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(text.encode(errors="replace"))
    except InvalidRecordError:
        return None


def _json(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return _lenient_json(value)


def _lenient_json(value: bytes) -> Any:
    """Return what Python's own parser makes of a value: it knows NaN and infinite numbers, and where an object ends."""
    if value[:1] == b"\0" and len(value) > REGISTRY_HEADER_BYTES:
        raise InvalidRecordError("schema-registry-header")
    try:
        found = value.decode().strip(AROUND)
    except UnicodeDecodeError as error:
        raise InvalidRecordError("not-utf8") from error
    if not found:
        raise InvalidRecordError("empty")
    try:
        message, end = json.JSONDecoder().raw_decode(found)
    except (ValueError, RecursionError) as error:
        raise InvalidRecordError("not-json") from error
    if end < len(found):
        raise InvalidRecordError("trailing-bytes" if isinstance(message, dict) else "not-json")
    return message
