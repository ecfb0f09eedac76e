"""The rows of a retail CSV file, in whatever dialect, as the messages have them."""

import csv
import io
import itertools
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from arus.errors import ArusError
from arus.schemas import RETAIL_FIELDS, RETAIL_OTHER_NAMES
from arus.text import number_of, printable
from producers.retail_cells import DecimalMarks, typed_row, with_points
from producers.retail_data import Row
from producers.retail_dates import DateOrder
from producers.text_files import encoding_of, open_text

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "TABs", "|": "pipes"}
# Excel obeys such a first line, and writes none.
SEPARATOR_LINE = re.compile(r'"?sep=([^\w"\r\n])"?[ \t,;|]*(?:\r\n|\r|\n|$)', re.IGNORECASE)
HEAD_CHARACTERS = 64 * 1024
# Four cells of Excel at their longest; no message would hold eight of them.
LONGEST_CELL = 128 * 1024
SPANS_SAID = 5
PATIENCE_SECONDS = 2.0
AGAIN_SECONDS = 5.0
NOTICE_ROWS = 1_000
SHOWN_CHARACTERS = 200


class Record(NamedTuple):
    """One row of the file: the line it begins in, how many lines it spans, and its fields."""

    line: int
    lines: int
    fields: list[str]


class Notice:
    """Says on stderr how far the reading of a file is: after two seconds, then every five."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._due = time.monotonic() + PATIENCE_SECONDS

    def show(self, done: str) -> None:
        if (now := time.monotonic()) >= self._due:
            print(f"reading {self._name} before it is sent: {done}", file=sys.stderr, flush=True)
            self._due = now + AGAIN_SECONDS


class CsvFile:
    """A retail CSV file, looked through once as a whole, then read row by row.

    It may be gz. Its encoding shows in its bytes, its separator in its first line, the order of day
    and month in all its dates, unless `dates` says it: dmy or mdy. Names of columns count without
    case, blanks and underscores; further columns are ignored. Where commas do not separate, one in
    a number is a decimal comma.

    A quoted cell may go on in the next lines. Each row that does so is named in `warnings`, as a
    quote may be open that nobody meant to be, and is sent as it stands. `total` counts the rows,
    `ragged` those read so far that have too few or too many fields.

    Raises ArusError where the file cannot be read as CSV, lacks a column or any row, or does not
    tell what its dates or prices mean.
    """

    def __init__(self, path: Path, dates: str | None = None) -> None:
        self._path = path
        notice = Notice(str(path))
        self._encoding = encoding_of(path, lambda done: notice.show(f"{done // 1_000_000} MB"))
        with open_text(path, self._encoding) as text:
            head = text.read(HEAD_CHARACTERS)
        declared = SEPARATOR_LINE.match(head)
        self._lines_before = 1 if declared else 0
        separators = [declared[1]] if declared else list(SEPARATORS)
        self._separator, header = best_header(head[declared.end() if declared else 0 :], separators)
        self._columns = columns_of(str(path), header, self._separator)
        self._width = len(header)
        self._dates = DateOrder(dates)
        self.ragged = self.total = 0
        self.warnings: list[str] = []
        self._look_through(notice)

    def said(self) -> str:
        """Return in one line what was found out about the file."""
        separated = f"separated by {words_of(self._separator)}"
        found = [number_of(self.total, "row"), separated, self._encoding, self._dates.said()]
        return f"{self._path}: {', '.join(filter(None, found))}"

    def rows(self) -> Iterator[Row]:
        """Yield each row typed: what a short one lacks is None, what is too much is in `extra`."""
        for _, _, fields in itertools.islice(self._records(), 1, None):
            self.ragged += len(fields) != self._width
            cells: list[str | None] = [*fields, *[None] * (self._width - len(fields))]
            texts = {name: cells[column] for name, column in self._columns.items()}
            if self._separator != ",":
                texts = with_points(texts)
            if date := texts["InvoiceDate"]:
                texts["InvoiceDate"] = self._dates.as_sent(date)
            typed = typed_row(texts)
            yield {**typed, "extra": extra} if (extra := fields[self._width :]) else typed

    def _look_through(self, notice: Notice) -> None:
        """Count the rows, settle the order of their dates, and find the rows that span lines."""
        date, price = self._columns["InvoiceDate"], self._columns["UnitPrice"]
        prices = DecimalMarks()
        spanning: list[Record] = []
        for record in itertools.islice(self._records(), 1, None):
            self.total += 1
            self._dates.see(cell(record.fields, date), record.line)
            if self._separator != ",":
                prices.see(cell(record.fields, price), record.line)
            if record.lines > 1:
                spanning.append(record)
            if self.total % NOTICE_ROWS == 0:
                notice.show(number_of(self.total, "row"))
        if self.total == 0:
            raise ArusError(f"{self._path} has a header, but no rows")
        self._dates.decide(str(self._path))
        prices.check(str(self._path))
        self.warnings = span_warnings(str(self._path), spanning)

    def _records(self) -> Iterator[Record]:
        """Yield the rows that are not blank, the header first."""
        # Only the whole process can have a limit.
        csv.field_size_limit(LONGEST_CELL)
        with open_text(self._path, self._encoding) as text:
            for _ in range(self._lines_before):
                text.readline()
            reader = csv.reader(text, delimiter=self._separator)
            end = self._lines_before
            try:
                for fields in reader:
                    begin, end = end + 1, reader.line_num + self._lines_before
                    if fields:
                        yield Record(begin, end - begin + 1, fields)
            except csv.Error as error:
                lines = reader.line_num + self._lines_before - end
                raise ArusError(
                    f"{self._path}, line {end + 1}: {error}, in one row of {lines} lines or more:"
                    " a quote is not closed?"
                ) from error


def best_header(head: str, separators: Sequence[str]) -> tuple[str, list[str]]:
    """Return the separator that finds most columns, or fields, in the first line; and these."""
    return max(
        ((separator, first_row(head, separator)) for separator in separators),
        key=lambda found: (sum(canonical(name) is not None for name in found[1]), len(found[1])),
    )


def first_row(text: str, separator: str) -> list[str]:
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        return [name.strip() for name in next(filter(None, rows), [])]
    except csv.Error:
        return []


def canonical(name: str) -> str | None:
    """Return which field of the messages a column is, by its letters alone; None where it is none."""
    return NAMES.get(letters(name))


def letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


NAMES = {letters(name): name for name in RETAIL_FIELDS}
NAMES |= {letters(other): name for name, other in RETAIL_OTHER_NAMES.items()}


def columns_of(file_name: str, header: list[str], separator: str) -> dict[str, int]:
    """Return which column of the header each field of the messages is.

    A column with exactly that name goes before others. Raises ArusError where one is missing, or
    where several could be it.
    """
    if not header:
        raise ArusError(f"{file_name} is empty: it needs the columns {', '.join(RETAIL_FIELDS)}")
    found = {
        name: [n for n, text in enumerate(header) if text == name]
        or [n for n, text in enumerate(header) if canonical(text) == name]
        for name in RETAIL_FIELDS
    }
    if missing := [name for name, columns in found.items() if not columns]:
        shown = printable(", ".join(header))
        if len(shown) > SHOWN_CHARACTERS:
            shown = f"{shown[:SHOWN_CHARACTERS]} ..."
        separated = f"separated by {words_of(separator)}" if len(header) > 1 else "not separated"
        lacks = f"{file_name} has no column {', '.join(missing)}"
        raise ArusError(f"{lacks}; its first line, {separated}, has: {shown}")
    if twice := [name for name, columns in found.items() if len(columns) > 1]:
        names = ", ".join(printable(header[n]) for n in found[twice[0]])
        raise ArusError(f"{file_name} has more than one column {twice[0]} ({names}): leave one")
    return {name: columns[0] for name, columns in found.items()}


def words_of(separator: str) -> str:
    return SEPARATORS.get(separator, repr(separator))


def cell(fields: list[str], column: int) -> str:
    return fields[column] if column < len(fields) else ""


def span_warnings(file_name: str, records: list[Record]) -> list[str]:
    """Return a line for each row of those that span most lines, and one that counts the others."""
    told = sorted(sorted(records, key=lambda record: -record.lines)[:SPANS_SAID])
    warnings = [
        f"{file_name}, line {line}: one row spans {lines} lines: a quote is not closed?"
        for line, lines, _fields in told
    ]
    others = len(records) - len(told)
    if others:
        verb = "spans" if others == 1 else "span"
        warnings.append(f"{file_name}: {number_of(others, 'more row')} {verb} lines")
    return warnings
