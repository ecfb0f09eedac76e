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

from arus.base import times, values
from arus.streaming import records as rules
from arus.streaming.records import Field, Rule

# Closes the array that a value is wrapped in: if anything trails the object, this is not found in its place.
_SENTINEL = "_end"
_SENTINEL_OBJECT = f'{{"{_SENTINEL}":true}}'
_OPTIONS = {"allowSingleQuotes": "false"}


def with_message(raw: DataFrame, fields: Sequence[Field]) -> DataFrame:
    """Return Kafka records with the fields of the JSON object in their value as the struct `message`, by their names.

    Each has its type; it is NULL where it is missing or not of its kind. Fields are required, or optional times.
    """
    names = dict.fromkeys(name for field in fields for name in field.names)
    steps = (
        object_text(F.col("value")),
        json_object(F.col("message"), list(names)),
        F.struct(*(_COLUMN_RULES[field.rule](_given(field)).alias(field.name) for field in fields)),
    )
    return reduce(_computed, steps, raw)


def usable(raw: DataFrame, fields: Sequence[Field], max_bytes: int) -> DataFrame:
    """Return the Kafka records that can be used, with each field as a column of its own."""
    found = with_message(raw, fields).where(is_usable(fields, max_bytes))
    return found.select("*", *(typed(field).alias(field.column) for field in fields))


def _computed(raw: DataFrame, message: Column) -> DataFrame:
    # Spark puts the expression of a column in every place where it is used, and moves filters down to it: it would
    # parse a record for each look at a field. It does neither past an explode.
    return raw.withColumn("message", F.explode(F.array(message)))


def is_usable(fields: Sequence[Field], max_bytes: int) -> Column:
    """Return whether a record of `with_message` can be used: true or false, never NULL."""
    value = F.col("value")
    is_text = (F.octet_length(value) <= max_bytes) & F.is_valid_utf8(value.cast("string"))
    return F.coalesce(reduce(operator.and_, map(is_valid, fields), is_text), F.lit(False))


def is_valid(field: Field) -> Column:
    """Return whether a field of `message` is there, of its kind and within its bounds; an optional time always is."""
    if field.is_optional_time:
        return F.lit(True)
    column = typed(field)
    return column.between(field.least, field.most) if field.rule is values.number else column.isNotNull()


def typed(field: Field) -> Column:
    """Return a field of `message`; an optional time that is missing, or cannot be used, is Kafka's."""
    column = F.col("message")[field.name]
    if not field.is_optional_time:
        return column
    latest = F.col("timestamp") + F.make_dt_interval(secs=F.lit(field.ahead.total_seconds()))
    return F.when(column.between(F.lit(rules.EARLIEST), latest), column).otherwise(F.col("timestamp"))


def _given(field: Field) -> Column:
    """Return what was sent under the first of the field's names that has anything, as text."""
    return F.coalesce(*(F.col("message")[name] for name in field.names))


def _trimmed(text: Column) -> Column:
    return F.btrim(text, F.lit(values.BLANKS))


def object_text(value: Column) -> Column:
    """Return the text of a value (bytes) that is to hold a JSON object: without what may stand around it, and the text
    in it where it is a JSON string; NULL where it is more than a string.
    """
    whole = value.cast("string")
    text = F.btrim(whole, F.lit(rules.AROUND))
    pair = F.from_json(_with_sentinel(text), "array<string>", _OPTIONS)
    is_closed = (F.size(pair) == 2) & (F.element_at(pair, -1) == _SENTINEL_OBJECT)
    within = F.btrim(F.when(is_closed, pair[0]), F.lit(rules.AROUND))
    # The plain form comes first: to trim a text takes as long as to parse it.
    return F.when(whole.startswith("{") & whole.endswith("}"), whole).when(text.startswith('"'), within).otherwise(text)


def json_object(text: Column, fields: Sequence[str]) -> Column:
    """Return the fields of the one JSON object in `text` as a struct of texts.

    All are NULL where `text` is anything else than one object, or more than that.

    Spark's from_json reads the first object and ignores what trails. Where the only brace closes the text, nothing
    does; any other text is parsed as `[text, sentinel]`, and counts if the sentinel is second and last.
    """
    ddl = ", ".join(f"`{name}` string" for name in fields)
    nothing_trails = F.octet_length(F.substring_index(text, "}", 1)) + 1 == F.octet_length(text)
    pair = F.from_json(_with_sentinel(text), f"array<struct<{ddl}, {_SENTINEL}: boolean>>", _OPTIONS)
    is_closed = (F.size(pair) == 2) & F.coalesce(F.element_at(pair, -1)[_SENTINEL], F.lit(False))
    whole = F.when(is_closed, F.struct(*(pair[0][name].alias(name) for name in fields)))
    return F.when(nothing_trails, F.from_json(text, ddl, _OPTIONS)).otherwise(whole)


def _with_sentinel(text: Column) -> Column:
    return F.concat(F.lit("["), text, F.lit(f",{_SENTINEL_OBJECT}]"))


def _identifier(text: Column) -> Column:
    trimmed = _trimmed(text)
    is_name = (trimmed != "") & ~trimmed.startswith("{") & ~trimmed.startswith("[")
    name = F.when(is_name & ~trimmed.isin(*values.NO_NAMES), F.regexp_replace(trimmed, values.POINT_ZERO, "$1"))
    # So Spark writes large numbers that came as floats.
    large = F.when(trimmed.rlike(values.SCIENTIFIC), trimmed.try_cast("double"))
    return F.when(large == F.floor(large), large.try_cast("bigint").cast("string")).otherwise(name)


def _number(text: Column) -> Column:
    return F.when(text.rlike(f"^[{values.BLANKS}]*{values.NUMBER_TEXT}[{values.BLANKS}]*$"), text.try_cast("double"))


def _instant(text: Column) -> Column:
    amount = _number(text)
    unit = reduce(
        lambda others, each: F.when(F.abs(amount) < each[0], F.lit(each[1])).otherwise(others),
        reversed(times.UNITS),
        F.lit(None),
    )
    since_1970 = F.timestamp_micros(F.floor(amount * unit + 0.5).try_cast("bigint"))
    return F.coalesce(since_1970, _iso(F.upper(_trimmed(text))))


def _iso(text: Column) -> Column:
    written = F.translate(text, "/,", "-.")
    with_seconds = F.regexp_replace(written, "^([^ T]+[ T][0-9]+:[0-9]+)(?![0-9:])", "$1:00")
    with_zone = F.regexp_replace(with_seconds, " ?(?:UTC|GMT)$| (?=[Z+-])", "")
    return F.when(text.rlike(f"^{times.ISO_TEXT}$"), with_zone.try_cast("timestamp"))


_COLUMN_RULES: dict[Rule, Callable[[Column], Column]] = {
    values.identifier: _identifier,
    values.number: _number,
    times.instant: _instant,
}
