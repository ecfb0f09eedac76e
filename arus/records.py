"""From the bytes of a Kafka record to typed columns, or to the reason why not.

ANSI mode stays on, where a bare cast of bad input ends the query: only try_cast touches input.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

# Closes the array that a value is wrapped in: if anything trails the object, this is not found in its place.
_SENTINEL = "_end"
_OPTIONS = {"allowSingleQuotes": "false"}
_STRICT = _OPTIONS | {"allowNonNumericNumbers": "false"}
EARLIEST = "2000-01-01 00:00:00"
# How far ahead of Kafka's own clock a device's clock may be.
MAX_AHEAD = "1 day"


@dataclass(frozen=True)
class Check:
    """A way for a record to be unusable: whether it is (cheap: every record pays), and the reason code (only it pays).

    Where the code is NULL, a later check has a better one.
    """

    fails: Column
    code: Column | str


def passes(checks: Sequence[Check]) -> Column:
    """Return whether a record is usable: true or false, never NULL."""
    return F.coalesce(~reduce(operator.or_, (check.fails for check in checks)), F.lit(False))


def reason(checks: Sequence[Check]) -> Column:
    """Return the code of the first check that fails; NULL where the record is usable."""
    return F.coalesce(*(F.when(check.fails, check.code) for check in checks))


def json_object(value: Column, ddl: str) -> Column:
    """Return the one JSON object in `value` (bytes) as a struct of `ddl`; a field of the wrong type is NULL.

    All its fields are NULL where `value` is anything else than one object, or more than that.

    Spark's from_json reads the first object and ignores what trails. Where the only brace closes the value, nothing
    does; any other value is parsed as `[value, sentinel]`, and counts if the sentinel is second and last.
    """
    text = value.cast("string")
    up_to_brace = F.octet_length(F.substring_index(text, "}", 1))
    nothing_trails = up_to_brace + 1 == F.octet_length(value)
    pair = _with_sentinel(text, f"struct<{ddl}, {_SENTINEL}: boolean>", _OPTIONS)
    whole = F.when(_is_closed(pair), F.struct(*(pair[0][name].alias(name) for name in field_names(ddl))))
    return F.when(nothing_trails, F.from_json(text, ddl, _OPTIONS)).otherwise(whole)


def field_names(ddl: str) -> list[str]:
    return [column.split()[0] for column in ddl.split(",")]


def _with_sentinel(text: Column, element: str, options: dict[str, str]) -> Column:
    wrapped = F.concat(F.lit("["), text, F.lit(f',{{"{_SENTINEL}":true}}]'))
    return F.from_json(wrapped, f"array<{element}>", options)


def _is_closed(pair: Column) -> Column:
    return (F.size(pair) == 2) & F.coalesce(F.element_at(pair, -1)[_SENTINEL].try_cast("boolean"), F.lit(False))


def is_text(value: Column, max_bytes: int) -> list[Check]:
    """Return the checks that a value is there, is not too long, and is UTF-8."""
    return [
        Check(value.isNull(), "null-value"),
        Check(F.octet_length(value) > max_bytes, "oversize"),
        Check(~F.is_valid_utf8(value.cast("string")), "not-utf8"),
    ]


def has_fields(value: Column, fields: dict[str, Column]) -> list[Check]:
    """Return the checks that the required fields (name -> typed column) have a value; the code says why one has not."""
    is_incomplete = reduce(operator.or_, (typed.isNull() for typed in fields.values()))
    unusable = [Check(typed.isNull(), _unusable(value, field)) for field, typed in fields.items()]
    return [Check(is_incomplete, _unreadable(value)), *unusable]


def _unreadable(value: Column) -> Column:
    """Return the reason code why `value`, a text, is not one JSON object, or NULL."""
    text = value.cast("string")
    pair = _with_sentinel(text, "map<string,string>", _STRICT)
    starts_as_object = text.rlike(r"^\s*\{")
    return (
        F.when(text.rlike(r"^\s*$"), "empty")
        .when(_is_closed(pair) & pair[0].isNotNull(), None)
        .when(~starts_as_object & F.try_parse_json(text).isNotNull(), "not-object")
        .when(starts_as_object & F.from_json(text, "map<string,string>", _STRICT).isNotNull(), "trailing-bytes")
        .otherwise("not-json")
    )


def _unusable(value: Column, field: str) -> Column:
    raw = F.get_json_object(value.cast("string"), f"$.{field}")
    return F.when(raw.isNull(), f"missing-field:{field}").otherwise(f"wrong-type:{field}")


def identifier(text: Column) -> Column:
    """Return a name or number that identifies something, trimmed; NULL where it is blank, or an object or array."""
    trimmed = F.trim(text)
    return F.when((trimmed != "") & ~trimmed.startswith("{") & ~trimmed.startswith("["), trimmed)


def ill_typed(value: Column, field: str, typed: Column) -> Check:
    """Return the check that an optional field, where it is there, is of its type."""
    raw = F.get_json_object(value.cast("string"), f"$.{field}")
    return Check(typed.isNull() & raw.isNotNull(), f"wrong-type:{field}")


def not_finite(field: str, number: Column) -> Check:
    """Return the check for NaN and the infinite (which JSON has no word for, but 1e400 reads as)."""
    is_infinite = F.abs(number) == float("inf")
    return Check(F.isnan(number) | is_infinite, f"not-finite:{field}")


def absurd_time(field: str, time: Column, arrived: Column) -> Check:
    """Return the check for a record's own time before 2000, or more than a day after its arrival in Kafka."""
    is_beyond_timestamps = time.isNull()
    too_old = time < F.to_timestamp(F.lit(EARLIEST))
    too_new = time > arrived + F.expr(f"INTERVAL {MAX_AHEAD}")
    return Check(is_beyond_timestamps | too_old | too_new, f"absurd-time:{field}")


def seconds_to_timestamp(seconds: Column) -> Column:
    """Return epoch seconds (double) as a timestamp; NULL outside the years that a timestamp can hold."""
    is_in_range = F.abs(seconds) < 1e11
    return F.when(is_in_range, F.timestamp_micros((seconds * 1e6 + 0.5).try_cast("bigint")))
