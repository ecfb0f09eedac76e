"""Whether a request can be answered; where not, what is wrong with each of its fields."""

import math
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from server.fields import LARGEST_NUMBER, Field, Kind

MOST_ROWS = 10_000
MOST_ERRORS = 20
LONGEST_QUOTE = 40
# As `customer` is to CustomerID, but `cluster` is not.
LEAST_ALIKE = 0.75


class Invalid(Exception):  # noqa: N818
    """A request that cannot be answered: `errors` names each field, and its row where the request was a list."""

    def __init__(self, detail: str, errors: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)


def understood(kind: Kind, asked: Any) -> Any:
    """Return a request, or a list of them, with each field under its own name and numbers as such.

    What needs no change is returned as it is. Raises Invalid where a request is not valid.
    """
    if type(asked) is list:
        return _understood_list(kind, asked)
    found = _read(kind, asked)
    if found is None:
        errors = errors_of(kind, asked)
        raise Invalid(f"{errors[0]['field']} {errors[0]['detail']}", errors)
    return found


def is_plain(kind: Kind, row: Any) -> bool:
    """Return whether a request is valid, and needs no change to be answered."""
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
    came = [(name, field.name) for name in row if (field := kind.names.get(name))]
    by_field = {field: name for name, field in came}
    checked = [(by_field.get(field.name, field.name), field) for field in kind.fields]
    twice = [(name, by_field[field]) for name, field in came if by_field[field] != name]
    unknown = [name for name in row if name not in kind.names][:MOST_ERRORS]
    return [
        *(
            {"field": name, "detail": _what_is_wrong(field, name, row)}
            for name, field in checked
            if not field.accepts(field.read(row.get(name)))
        ),
        *({"field": name, "detail": f"is {other} too: send one of them"} for name, other in twice),
        *({"field": name[:LONGEST_QUOTE], "detail": _not_known(kind, name)} for name in unknown),
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


def _understood_list(kind: Kind, rows: list[Any]) -> list[Any]:
    if not 1 <= len(rows) <= MOST_ROWS:
        raise Invalid(f"a list has 1 to {MOST_ROWS:,} requests, this one has {len(rows):,}")
    if all(is_plain(kind, row) for row in rows):
        return rows
    found = [_read(kind, row) for row in rows]
    if None not in found:
        return found
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


def _read(kind: Kind, row: Any) -> dict[str, Any] | None:
    """Return a request in its order, without columns not needed; None where it is not valid."""
    if is_plain(kind, row):
        plain: dict[str, Any] = row
        return plain
    if type(row) is not dict or not row.keys() <= kind.names.keys():
        return None
    came = [(field, value) for name, value in row.items() if (field := kind.names[name])]
    found = {field.name: field.read(value) for field, value in came}
    return found if len(found) == len(came) and is_plain(kind, found) else None


def _what_is_wrong(field: Field, name: str, row: dict[str, Any]) -> str:
    if name not in row:
        return f"is missing: {field.rule}"
    return f"is {quoted(row[name])}, but must be {field.rule}"


def _not_known(kind: Kind, name: str) -> str:
    """Return what to say of a name, with the nearest known one; only its letters count, in any case."""
    known = {_letters(each): each for each in reversed(kind.names)}
    nearest = get_close_matches(_letters(name[:LONGEST_QUOTE]), known, 1, LEAST_ALIKE)
    meant = f" (did you mean {known[nearest[0]]}?)" if nearest else ""
    return f"is not known{meant}; there are {', '.join(field.name for field in kind.fields)}"


def _letters(name: str) -> str:
    return "".join(filter(str.isalpha, name)).lower()
