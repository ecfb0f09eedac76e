"""Whether a request can be answered; where not, what is wrong with each of its fields."""

import math
from collections.abc import Sequence
from typing import Any

from server.fields import LARGEST_NUMBER, Field, Kind

MOST_ROWS = 10_000
MOST_ERRORS = 20
LONGEST_QUOTE = 40


class Invalid(Exception):  # noqa: N818
    """A request that cannot be answered: `errors` names each field, and its row where the request was a list."""

    def __init__(self, detail: str, errors: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)


def check(kind: Kind, asked: Any) -> None:
    """Raise Invalid where `asked` is neither one valid request nor a list of them."""
    if type(asked) is list:
        _check_list(kind, asked)
    elif not is_valid(kind, asked):
        errors = errors_of(kind, asked)
        raise Invalid(f"{errors[0]['field']} {errors[0]['detail']}", errors)


def is_valid(kind: Kind, row: Any) -> bool:
    if type(row) is not dict:
        return False
    known = 0
    for field in kind.fields:
        if not field.accepts(row.get(field.name)):
            return False
        known += field.name in row
    return known == len(row)


def errors_of(kind: Kind, row: Any) -> list[dict[str, Any]]:
    """Return what is wrong with a request, field by field; nothing where it is valid."""
    if type(row) is not dict:
        return [{"field": "", "detail": f"is {quoted(row)}, but must be an object"}]
    wrong = [field for field in kind.fields if not field.accepts(row.get(field.name))]
    names = [field.name for field in kind.fields]
    unknown = [name for name in row if name not in names]
    return [
        *({"field": field.name, "detail": _what_is_wrong(field, row)} for field in wrong),
        *({"field": name[:LONGEST_QUOTE], "detail": f"is not known; there are {', '.join(names)}"} for name in unknown),
    ][:MOST_ERRORS]


def quoted(value: Any) -> str:
    """Return a value as an error may show it: short, and by its kind where it is no plain value."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite"
    if isinstance(value, int | float) and abs(value) > LARGEST_NUMBER:
        return "too large"
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."


def _check_list(kind: Kind, rows: list[Any]) -> None:
    if not 1 <= len(rows) <= MOST_ROWS:
        raise Invalid(f"a list has 1 to {MOST_ROWS:,} requests, this one has {len(rows):,}")
    if all(is_valid(kind, row) for row in rows):
        return
    errors: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        errors += ({"index": index, **error} for error in errors_of(kind, row))
        if len(errors) >= MOST_ERRORS:
            break
    first = errors[0]
    name = first["field"] or "it"
    raise Invalid(
        f"request {first['index']} of the list (the first is 0): {name} {first['detail']}", errors[:MOST_ERRORS]
    )


def _what_is_wrong(field: Field, row: dict[str, Any]) -> str:
    if field.name not in row:
        return f"is missing: {field.rule}"
    return f"is {quoted(row[field.name])}, but must be {field.rule}"
