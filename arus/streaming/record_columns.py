"""The rules of `records` as Spark columns: for Real-time Mode and for joins of streams, where no Python runs.

A record is usable here exactly if it is usable there, and its values are the same
(tests/streaming/test_same_verdict.py). Why a record is not usable, only the plain rules say.

ANSI mode stays on, where a bare cast of bad input ends the query: only try_cast touches input.
"""

import operator
from collections.abc import Callable, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from arus.streaming import records as rules
from arus.streaming.records import Field, Rule

# Closes the array that a value is wrapped in: if anything trails the object, this is not found in its place.
_SENTINEL = "_end"
_OPTIONS = {"allowSingleQuotes": "false"}


def with_message(raw: DataFrame, fields: Sequence[Field]) -> DataFrame:
    """Return Kafka records with the JSON object in their value as the struct `message`, each field of it a text."""
    message = json_object(F.col("value"), [field.name for field in fields])
    # Spark moves filters on the fields down into the parsing, and would then parse a record for each field that they
    # look at. It cannot move them past an explode.
    return raw.withColumn("message", F.explode(F.array(message)))


def is_usable(fields: Sequence[Field], max_bytes: int) -> Column:
    """Return whether a record of `with_message` can be used: true or false, never NULL."""
    value = F.col("value")
    is_text = (F.octet_length(value) <= max_bytes) & F.is_valid_utf8(value.cast("string"))
    return F.coalesce(reduce(operator.and_, map(is_valid, fields), is_text), F.lit(False))


def is_valid(field: Field) -> Column:
    """Return whether a field of `message` is there, or may be missing, and is of its kind and within its bounds."""
    column = typed(field)
    if field.is_time:
        latest = F.col("timestamp") + F.make_dt_interval(F.lit(rules.MAX_AHEAD.days))
        is_fine = column.between(F.lit(rules.EARLIEST), latest)
    elif field.rule is rules.number:
        is_fine = column.between(field.least, field.most)
    else:
        is_fine = column.isNotNull()
    return is_fine if field.required else is_fine | _given(field).isNull()


def typed(field: Field) -> Column:
    """Return a field of `message` with its type; NULL where it is missing, or not of its kind."""
    return _COLUMN_RULES[field.rule](_given(field))


def _given(field: Field) -> Column:
    """Return what was sent, as text; NULL where nothing was, or only blanks in a field that is optional."""
    given = F.col("message")[field.name]
    return given if field.required else F.nullif(F.btrim(given, F.lit(rules.BLANKS)), F.lit(""))


def json_object(value: Column, fields: Sequence[str]) -> Column:
    """Return the fields of the one JSON object in `value` (bytes) as a struct of texts.

    All are NULL where `value` is anything else than one object, or more than that.

    Spark's from_json reads the first object and ignores what trails. Where the only brace closes the value, nothing
    does; any other value is parsed as `[value, sentinel]`, and counts if the sentinel is second and last.
    """
    text, ddl = value.cast("string"), ", ".join(f"{name} string" for name in fields)
    nothing_trails = F.octet_length(F.substring_index(text, "}", 1)) + 1 == F.octet_length(value)
    wrapped = F.concat(F.lit("["), text, F.lit(f',{{"{_SENTINEL}":true}}]'))
    pair = F.from_json(wrapped, f"array<struct<{ddl}, {_SENTINEL}: boolean>>", _OPTIONS)
    is_closed = (F.size(pair) == 2) & F.coalesce(F.element_at(pair, -1)[_SENTINEL], F.lit(False))
    whole = F.when(is_closed, F.struct(*(pair[0][name].alias(name) for name in fields)))
    return F.when(nothing_trails, F.from_json(text, ddl, _OPTIONS)).otherwise(whole)


def _identifier(text: Column) -> Column:
    trimmed = F.btrim(text, F.lit(rules.BLANKS))
    return F.when((trimmed != "") & ~trimmed.startswith("{") & ~trimmed.startswith("["), trimmed)


def _number(text: Column) -> Column:
    trimmed = F.btrim(text, F.lit(rules.BLANKS))
    return F.when(trimmed.rlike(f"^{rules.NUMBER_TEXT}$"), trimmed.try_cast("double"))


def _epoch_seconds(text: Column) -> Column:
    seconds = _number(text)
    micros = F.floor(seconds * rules.MICROS + 0.5).try_cast("bigint")
    return F.when(F.abs(seconds) < rules.FAR_SECONDS, F.timestamp_micros(micros))


_COLUMN_RULES: dict[Rule, Callable[[Column], Column]] = {
    rules.identifier: _identifier,
    rules.number: _number,
    rules.epoch_seconds: _epoch_seconds,
}
