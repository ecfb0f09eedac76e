"""Whether day or month comes first in dates with the year last: found out from a file, or asked."""

import contextlib
import re
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from arus.base.times import on_clock
from arus.errors import ArusError
from producers.text_files import Place

ORDERS = {"dmy": "day first", "mdy": "month first"}
# Has all that the job reads as a date with the year last: else a day could reach it as a month.
YEAR_LAST = re.compile(
    r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{2}|[0-9]{4})"
    r"(?: ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: ?([AP]M))?)?",
    re.IGNORECASE,
)
LONGEST_DATE = 40


class Date(NamedTuple):
    """A date with the year last, as text without odd blanks, and what it is in each order.

    `readings` lacks an order in which there is no such day.
    """

    text: str
    mark: str
    readings: dict[str, datetime]


# Order -> the first date that can have only this one; None: the first that can have either.
Evidence = dict[str | None, Place]


class DateOrder:
    """The order of day and month in a file: `see` its dates, then `decide`, then `as_sent`.

    `asked` is what the user says, dmy or mdy. Else a number above 12 says it. Where none does,
    dates with dots have the day first, and for others the user is asked. Dates with dots are judged
    apart from the others.
    """

    def __init__(self, asked: str | None = None) -> None:
        self._asked = asked
        self._dotted: Evidence = {}
        self._others: Evidence = {}
        self._order = self._order_of_dotted = ""

    def see(self, text: str, line: int) -> None:
        date = year_last(text)
        if date is None or date.readings.get("dmy") == date.readings.get("mdy"):
            return
        only = next(iter(date.readings)) if len(date.readings) == 1 else None
        found = self._dotted if date.mark == "." else self._others
        found.setdefault(only, Place(line, date.text))

    def decide(self, name: str) -> None:
        """Settle the order for the file `name`.

        Raises ArusError where its dates contradict each other or the user, or nothing decides.
        """
        self._order_of_dotted = _order(name, self._dotted, self._asked) or "dmy"
        order = _order(name, self._others, self._asked)
        if order is None and None in self._others:
            line, text = self._others[None]
            raise ArusError(
                f"{name}, line {line}: {text} may be {_either_day(text)}, and no date in the file"
                " decides: give --dates dmy (day first) or --dates mdy (month first)"
            )
        self._order = order or "mdy"

    def said(self) -> str:
        """Return in words what was decided and by what; blank where no date needed it."""
        words = []
        for found, order in (
            (self._others, self._order),
            (self._dotted, self._order_of_dotted),
        ):
            if found:
                place = found.get(order)
                why = f"line {place.line}: {place.text}" if place else "as dots have it"
                words.append(f"dates {ORDERS[order]} ({'--dates' if self._asked else why})")
        return ", ".join(words)

    def as_sent(self, text: str) -> str:
        """Return a date as the job reads it: month first with slashes, or ISO; no date as it is."""
        date = year_last(text)
        if date is None:
            return text
        order = self._order_of_dotted if date.mark == "." else self._order
        if order not in date.readings or (date.mark, order) == ("/", "mdy"):
            return date.text
        return f"{date.readings[order]:%Y-%m-%d %H:%M:%S}"


def _order(name: str, found: Evidence, asked: str | None) -> str | None:
    """Return the order that the user or the dates say, if any; ArusError where they say two."""
    said = [order for order in ORDERS if order in found]
    if len(said) == 2:
        (line, text), (other_line, other_text) = found["dmy"], found["mdy"]
        both = f"line {line} has {text}, day first, and line {other_line} {other_text}, month first"
        raise ArusError(f"{name}: {both}: its dates must be in one order")
    if asked and said and said != [asked]:
        line, text = found[said[0]]
        wrong, right = ORDERS[said[0]], ORDERS[asked]
        raise ArusError(f"{name}, line {line}: {text} is {wrong}, but --dates {asked} says {right}")
    return asked or next(iter(said), None)


def _either_day(text: str) -> str:
    date = year_last(text)
    days = sorted(date.readings.values()) if date else []
    return " or ".join(f"{day.day} {day:%B}" for day in days)


def year_last(text: str) -> Date | None:
    """Return a date whose year, of two or four digits, comes last, with or without a time."""
    # JavaScript writes `12/1/2010, 2:26:00 PM`, with other blanks than this one.
    tidy = " ".join(text.replace(",", " ").split())
    return _year_last(tidy) if len(tidy) <= LONGEST_DATE else None


@lru_cache(maxsize=50_000)
def _year_last(tidy: str) -> Date | None:
    if not (match := YEAR_LAST.fullmatch(tidy)):
        return None
    first, mark, second, *rest = match.groups()
    readings = {}
    for order, (day, month) in {"dmy": (first, second), "mdy": (second, first)}.items():
        with contextlib.suppress(ValueError):
            readings[order] = on_clock(int(day), int(month), *rest)
    return Date(tidy, mark, readings) if readings else None
