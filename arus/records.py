"""From the bytes of a Kafka record to typed columns, or to the reason why not.

ANSI mode stays on, where a bare cast of bad input ends the query: only try_cast touches input.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

# Closes the array that a value is wrapped in: if anything trails the object, this is not found in its place.
_SENTINEL = "_end"
_OPTIONS = {"allowSingleQuotes": "false"}
_STRICT = _OPTIONS | {"allowNonNumericNumbers": "false"}
EARLIEST = "2000-01-01 00:00:00"
# How far ahead of Kafka's own clock a device's clock may be.
MAX_AHEAD = "1 day"


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


def unreadable(value: Column, has_all: Column, max_bytes: int) -> Column:
    """Return the reason code why `value` is not one JSON object of text, or NULL.

    Whether it is JSON is looked into only where the record does not have all that it must have: nothing else is dear.
    """
    text = value.cast("string")
    pair = _with_sentinel(text, "map<string,string>", _STRICT)
    starts_as_object = text.rlike(r"^\s*\{")
    return (
        F.when(value.isNull(), "null-value")
        .when(F.octet_length(value) > max_bytes, "oversize")
        .when(~F.is_valid_utf8(text), "not-utf8")
        .when(has_all, None)
        .when(text.rlike(r"^\s*$"), "empty")
        .when(_is_closed(pair) & pair[0].isNotNull(), None)
        .when(~starts_as_object & F.try_parse_json(text).isNotNull(), "not-object")
        .when(starts_as_object & F.from_json(text, "map<string,string>", _STRICT).isNotNull(), "trailing-bytes")
        .otherwise("not-json")
    )


def identifier(text: Column) -> Column:
    """Return a name or number that identifies something, trimmed; NULL where it is blank, or an object or array."""
    trimmed = F.trim(text)
    return F.when((trimmed != "") & ~trimmed.startswith("{") & ~trimmed.startswith("["), trimmed)


def unusable(value: Column, field: str, typed: Column) -> Column:
    """Return the reason code why a required field has no value: absent (or null), or of the wrong type."""
    raw = F.get_json_object(value.cast("string"), f"$.{field}")
    return F.when(typed.isNull(), F.when(raw.isNull(), f"missing-field:{field}").otherwise(f"wrong-type:{field}"))


def ill_typed(value: Column, field: str, typed: Column) -> Column:
    """Return the reason code where an optional field is there, but of the wrong type."""
    raw = F.get_json_object(value.cast("string"), f"$.{field}")
    return F.when(typed.isNull() & raw.isNotNull(), f"wrong-type:{field}")


def not_finite(field: str, number: Column) -> Column:
    """Return the reason code where a number is NaN or infinite (which JSON has no word for, but 1e400 reads as)."""
    is_infinite = F.abs(number) == float("inf")
    return F.when(F.isnan(number) | is_infinite, f"not-finite:{field}")


def absurd_time(field: str, time: Column, arrived: Column) -> Column:
    """Return the reason code where a record's own time is before 2000 or more than a day after its arrival in Kafka."""
    is_beyond_timestamps = time.isNull()
    too_old = time < F.to_timestamp(F.lit(EARLIEST))
    too_new = time > arrived + F.expr(f"INTERVAL {MAX_AHEAD}")
    return F.when(is_beyond_timestamps | too_old | too_new, f"absurd-time:{field}")


def seconds_to_timestamp(seconds: Column) -> Column:
    """Return epoch seconds (double) as a timestamp; NULL outside the years that a timestamp can hold."""
    is_in_range = F.abs(seconds) < 1e11
    return F.when(is_in_range, F.timestamp_micros((seconds * 1e6 + 0.5).try_cast("bigint")))
