"""Plain rules for one value of a message: each returns it with its type, or raises ValueError where it is not so."""

import json
import math
import re
from typing import Any

# What JSON calls white space. Names, numbers and times may stand between such blanks.
BLANKS = " \t\r\n"
LARGEST_INT = 2**31 - 1
# Without two ways to read the same digits: a long text of them would take hours to refuse.
NUMBER_TEXT = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
# A whole number that was a float on its way identifies without its point.
POINT_ZERO = r"^(-?[0-9]+)\.0+(?![\s\S])"
# So Java writes such a number where it is large.
SCIENTIFIC = r"^-?[0-9]\.[0-9]+E(?:[7-9]|1[0-7])(?![\s\S])"
# How Spark's parser writes NaN and Infinity of JSON as text: they name nothing.
NO_NAMES = ('"NaN"', '"Infinity"', '"-Infinity"')
# What stands for a missing value in an optional field, in small letters: what pandas, SQL, spreadsheets and str(None)
# write.
MISSING = frozenset({"", "nan", "nat", "<na>", "null", "none", "n/a", "#n/a"})


def text(value: Any) -> str:
    """Return text as it is, and anything else as JSON writes it."""
    try:
        found = value if isinstance(value, str) else json.dumps(value)
    except RecursionError as error:
        raise ValueError("an object of too many levels") from error
    # JSON can spell half of a surrogate pair, which no UTF-8 can hold.
    return found.encode(errors="replace").decode()


def identifier(value: Any) -> str:
    """Return a name or number that identifies something, as text without blanks around it; 536365.0 is 536365."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("an object, an array or nothing")
    found = text(value).strip(BLANKS)
    if not found or found[0] in "{[" or found in NO_NAMES:
        raise ValueError("an object, an array or nothing")
    if re.match(SCIENTIFIC, found) and float(found).is_integer():
        return str(int(float(found)))
    return re.sub(POINT_ZERO, r"\1", found)


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


def is_missing(value: Any) -> bool:
    """Return whether an optional field's value says that there is none."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and value.strip(BLANKS).lower() in MISSING)
