"""What a Kafka record means: plain rules that make a row of its bytes, or say by a reason code why it is none.

One record at a time, no Spark, no Arrow. `record_batches` applies the same rules to whole Arrow batches, and
`record_columns` says them as Spark columns, for Real-time Mode.
"""

import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson

Rule = Callable[[Any], Any]

# What JSON calls white space. Names and numbers may stand between such blanks.
BLANKS = " \t\r\n"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)
# How far ahead of Kafka's own clock a device's clock may be.
MAX_AHEAD = timedelta(days=1)
LARGEST = sys.float_info.max
LARGEST_INT = 2**31 - 1
MICROS = 1_000_000
# Farther from 1970 than any year that a timestamp can hold.
FAR_SECONDS = 1e11
# Without two ways to read the same digits: a long text of them would take hours to refuse.
NUMBER_TEXT = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
ISO_DATE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?)?"
    r"\s*(?:Z|UTC|([+-]\d{2}):?([0-5]\d))?"
)
SLASHED_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2}|\d{4}) (\d{1,2}):(\d{2})")


class InvalidRecordError(ValueError):
    """A record that cannot be used; `reason` is the code that goes into the rejects with it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# --- one value: each rule returns it with its type, or raises ValueError where it is not of that kind ---


def text(value: Any) -> str:
    """Return text as it is, and anything else as JSON writes it."""
    try:
        found = value if isinstance(value, str) else json.dumps(value)
    except RecursionError as error:
        raise ValueError("an object of too many levels") from error
    # JSON can spell half of a surrogate pair, which no UTF-8 can hold.
    return found.encode(errors="replace").decode()


def identifier(value: Any) -> str:
    """Return a name or number that identifies something, as text without the blanks around it."""
    found = text(value).strip(BLANKS)
    if not found or found[0] in "{[":
        raise ValueError("an object, an array or nothing")
    return found


def number(value: Any) -> float:
    """Return a JSON number, or one in a text, as a float; it may be infinite, or NaN."""
    if isinstance(value, str) and re.fullmatch(NUMBER_TEXT, value.strip(BLANKS)):
        return float(value)
    if isinstance(value, str) and value.strip(BLANKS).lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("no number")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def whole_number(value: Any) -> int:
    """Return a number without a fraction (`6`, `-6`, `17850.0`, `"6"`) as an int of 32 bits."""
    found = number(value)
    if not (found.is_integer() and abs(found) <= LARGEST_INT):
        raise ValueError("no whole number of 32 bits")
    return int(found)


def epoch_seconds(value: Any) -> datetime:
    """Return seconds since 1970 as a UTC time, to the microsecond."""
    seconds = number(value)
    if not abs(seconds) < FAR_SECONDS:
        return datetime.max.replace(tzinfo=timezone.utc)
    try:
        return EPOCH + timedelta(microseconds=math.floor(seconds * MICROS + 0.5))
    except OverflowError:
        return datetime.max.replace(tzinfo=timezone.utc)


def date(value: Any) -> datetime:
    """Return `2011-10-06 16:20:00` (any ISO 8601 date, UTC where it names no zone) or `12/1/10 8:26`, month first."""
    if not isinstance(value, str):
        raise ValueError("no text")
    found = value.strip(BLANKS)
    if match := SLASHED_DATE.fullmatch(found):
        month, day, year, hour, minute = map(int, match.groups())
        return datetime(year + 2000 if year < 100 else year, month, day, hour, minute, tzinfo=timezone.utc)
    match = ISO_DATE.fullmatch(found)
    if not match:
        raise ValueError("no date")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction, hours, minutes = match.groups()[6:]
    micros = int((fraction or "").ljust(6, "0"))
    before = -1 if (hours or "").startswith("-") else 1
    zone = timezone(timedelta(hours=int(hours or 0), minutes=before * int(minutes or 0)))
    try:
        return datetime(year, month, day, hour, minute, second, micros, zone).astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError("no year of four digits") from error


TIMES: tuple[Rule, ...] = (epoch_seconds, date)
NAMES: tuple[Rule, ...] = (identifier, text)


# --- one field of a message, and one message ---


@dataclass(frozen=True)
class Field:
    """A field of a message: its name, the rule that reads it, and the table's column that it becomes.

    `least` and `most` bound a number, both allowed. An optional field may be missing, null or blank; a missing time is
    Kafka's own.
    """

    name: str
    rule: Rule
    column: str
    required: bool = True
    least: float = -LARGEST
    most: float = LARGEST

    @property
    def is_time(self) -> bool:
        return self.rule in TIMES

    def is_missing(self, value: Any) -> bool:
        is_optional = not self.required and self.rule is not text
        is_blank = is_optional and isinstance(value, str) and not value.strip(BLANKS)
        return value is None or is_blank

    def read(self, message: Mapping[str, Any], arrived: datetime) -> Any:
        """Return the field's typed value, None where it is missing and may be; `arrived` is Kafka's time.

        Raises InvalidRecordError: missing-field, wrong-type, not-finite, out-of-range or absurd-time, and the name.
        """
        value = message.get(self.name)
        if self.is_missing(value):
            if self.required:
                raise InvalidRecordError(f"missing-field:{self.name}")
            return arrived if self.is_time else None
        try:
            typed = self.rule(value)
        except ValueError as error:
            raise InvalidRecordError(f"wrong-type:{self.name}") from error
        if isinstance(typed, datetime) and not EARLIEST <= typed <= arrived + MAX_AHEAD:
            raise InvalidRecordError(f"absurd-time:{self.name}")
        if isinstance(typed, float) and not math.isfinite(typed):
            raise InvalidRecordError(f"not-finite:{self.name}")
        if isinstance(typed, float) and not self.least <= typed <= self.most:
            raise InvalidRecordError(f"out-of-range:{self.name}")
        return typed


def read_record(value: bytes | None, arrived: datetime, fields: Sequence[Field], max_bytes: int) -> dict[str, Any]:
    """Return a record's value as a row, column by column; raise InvalidRecordError where it cannot be used."""
    message = json_object(value, max_bytes)
    if value and any(field.rule in NAMES and type(message.get(field.name)) is float for field in fields):
        # orjson makes floats of whole numbers of more than 64 bits; Python keeps all their digits.
        message = _lenient_json(value)
    return {field.column: field.read(message, arrived) for field in fields}


def json_object(value: bytes | None, max_bytes: int) -> dict[str, Any]:
    """Return the one JSON object that a value holds; raise InvalidRecordError for anything else, or more."""
    if value is None:
        raise InvalidRecordError("null-value")
    if len(value) > max_bytes:
        raise InvalidRecordError("oversize")
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        found = _lenient_json(value)
    if not isinstance(found, dict):
        raise InvalidRecordError("not-object")
    return found


def _lenient_json(value: bytes) -> Any:
    """Return what Python's own parser makes of a value: it knows NaN and infinite numbers, and where an object ends."""
    try:
        found = value.decode().strip(BLANKS)
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
