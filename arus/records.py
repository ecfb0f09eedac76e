"""From the bytes of a Kafka record to typed columns, or to the reason why not. ANSI mode stays on: no bare cast touches input."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# Closes the array that a value is wrapped in: if anything trails the object, this is not found in its place.
_SENTINEL = "_end"
EARLIEST = "2000-01-01 00:00:00"
# How far ahead of Kafka's own clock a device's clock may be.
MAX_AHEAD = "1 day"


def with_message(raw: DataFrame, ddl: str) -> DataFrame:
    """Add `message`: the one JSON object in `value` (bytes) as a struct of `ddl`; NULL where it is anything else, or more than that.

    Spark's from_json reads the first object and ignores what trails. Wrapped as `[value, sentinel]`, only a value that is exactly one object leaves the
    sentinel second and last. A field of the wrong type is NULL within the struct.
    """
    wrapped = F.concat(F.lit("["), F.col("value").cast("string"), F.lit(f',{{"{_SENTINEL}":true}}]'))
    schema = f"array<struct<{ddl}, {_SENTINEL}: boolean>>"
    pair = F.from_json(wrapped, schema, {"allowSingleQuotes": "false"})
    is_whole = (F.size("_pair") == 2) & F.element_at("_pair", -1)[_SENTINEL]
    # Two steps: written as one expression, Spark would parse each value once for every mention of the pair.
    return raw.withColumn("_pair", pair).withColumn("message", F.when(is_whole, F.col("_pair")[0])).drop("_pair")


def unreadable(value: Column, parsed: Column, max_bytes: int) -> Column:
    """Return the reason code why `value` is no JSON object, or NULL where `parsed` holds one."""
    text = value.cast("string")
    length = F.octet_length(value)
    starts_as_object = F.ltrim(text).startswith("{")
    return (
        F.when(value.isNull(), "null-value")
        .when(length > max_bytes, "oversize")
        .when(~F.is_valid_utf8(text), "not-utf8")
        .when(parsed.isNotNull(), F.lit(None))
        .when(F.trim(text) == "", "empty")
        .when(~starts_as_object & F.try_parse_json(text).isNotNull(), "not-object")
        .when(starts_as_object & F.from_json(text, "map<string,string>").isNotNull(), "trailing-bytes")
        .otherwise("not-json")
    )


def unusable(value: Column, field: str, typed: Column) -> Column:
    """Return the reason code why a required field has no value: absent (or null), or of the wrong type; NULL where `typed` has one."""
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
