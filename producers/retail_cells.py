"""The cells of a retail row: numbers, and what stands for a missing value."""

import re

from arus.base.values import is_missing
from arus.errors import ArusError
from producers.retail_data import Row
from producers.text_files import Place

OPTIONAL = ("Description", "CustomerID", "Country")
WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
DECIMAL = re.compile(r"[+-]?([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})")
POINT_ZERO = re.compile(r"([0-9]{1,18})\.0+")
CUSTOMER = re.compile(r"([0-9]{1,18})(\.0*)?")
# A whole part, perhaps in groups of three digits with points between, and a decimal comma.
DECIMAL_COMMA = re.compile(r"([+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{0,18})),([0-9]{1,18})")
FRACTIONS = ("InvoiceDate", "UnitPrice")
# As pandas writes whole numbers beside empty cells. `1,000` may be a thousand.
COMMA_ZERO = re.compile(r"([+-]?[0-9]{1,18}),00?")
WHOLE_NUMBERS = ("InvoiceNo", "Quantity", "CustomerID")
LAST_MARK = re.compile(r"[+-]?([0-9.,]*)([.,])([0-9]+)")

Texts = dict[str, str | None]


class DecimalMarks:
    """The decimal marks of a file's prices: `see` all, then `check`: no 1.234 beside a 2,55."""

    def __init__(self) -> None:
        self._sure: dict[str, Place] = {}
        self._doubtful: dict[str, Place] = {}

    def see(self, text: str, line: int) -> None:
        if match := LAST_MARK.fullmatch(text.strip()):
            whole, mark, rest = match.groups()
            may_be_thousands = len(rest) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0"
            places = self._doubtful if may_be_thousands else self._sure
            places.setdefault(mark, Place(line, text.strip()))

    def check(self, name: str) -> None:
        """Raise ArusError where a price of the file `name` may be in thousands, as others look."""
        for mark, other in ((".", ","), (",", ".")):
            if mark in self._doubtful and other in self._sure:
                doubtful, sure = self._doubtful[mark], self._sure[other]
                raise ArusError(
                    f"{name}, line {doubtful.line}: the price {doubtful.text} may be in thousands,"
                    f" as line {sure.line} has {sure.text}: all prices need the same decimal mark"
                )


def with_points(texts: Texts) -> Texts:
    """Return a row with its decimal commas as points: `2,55`, `1.234,56`, `17850,0`."""
    changed = dict(texts)
    for name in FRACTIONS:
        if match := DECIMAL_COMMA.fullmatch((texts[name] or "").strip()):
            changed[name] = f"{match[1].replace('.', '')}.{match[2]}"
    for name in WHOLE_NUMBERS:
        if match := COMMA_ZERO.fullmatch((texts[name] or "").strip()):
            changed[name] = match[1]
    return changed


def typed_row(texts: Texts) -> Row:
    """Return the row with numbers where a text is one, and null where an optional cell is missing.

    Any other text stays as it is, for the job to judge.
    """
    row: Row = dict(texts)
    if number := POINT_ZERO.fullmatch((texts["InvoiceNo"] or "").strip()):
        row["InvoiceNo"] = number[1]
    if WHOLE.fullmatch(quantity := (texts["Quantity"] or "").strip()):
        row["Quantity"] = int(quantity)
    if DECIMAL.fullmatch(price := (texts["UnitPrice"] or "").strip()):
        row["UnitPrice"] = float(price)
    customer = (texts["CustomerID"] or "").strip()
    row["CustomerID"] = int(number[1]) if (number := CUSTOMER.fullmatch(customer)) else customer
    for name in OPTIONAL:
        if is_missing(texts[name]):
            row[name] = None
    return row
