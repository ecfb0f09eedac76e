"""Retail invoice lines, one by one into `retail_stream`: python -m producers.retail [--csv FILE].

The rows of a CSV file go as they stand, but for the types of three columns; without a file they are invented.
"""

import argparse
import csv
import itertools
import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from arus.errors import ArusError
from arus.producing import add_arguments, at_least, run
from arus.schemas import RETAIL_FIELDS, RETAIL_STREAM
from arus.sending import BULK_LINGER_MS, Sender
from producers import retail_data
from producers.retail_data import Row

Delay = Callable[[Row], float]

DATE_FORMS = ("%Y-%m-%d %H:%M:%S", "%m/%d/%y %H:%M", "%m/%d/%Y %H:%M")
WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
DECIMAL = re.compile(r"[+-]?([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})")
CUSTOMER = re.compile(r"([0-9]{1,18})(\.0*)?")
CHUNK_CHARACTERS = 1024 * 1024


class CsvFile:
    """A retail CSV file, read row by row: UTF-8 with or without a byte order mark, else ISO-8859-1.

    Raises ArusError where the file, a column or every row is missing. `ragged` counts the rows with too few or too many
    fields.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ArusError(f"no such file: {path}")
        self._path = path
        self._encoding = encoding_of(path)
        self.ragged = 0
        self._header = [name.strip() for name in next(self._lines(), [])]
        if not self._header:
            raise ArusError(f"{path} is empty: it needs the columns {', '.join(RETAIL_FIELDS)}")
        if missing := [name for name in RETAIL_FIELDS if name not in self._header]:
            raise ArusError(
                f"{path} has no column {', '.join(missing)}; its first line must name {', '.join(RETAIL_FIELDS)}"
            )
        self.total = sum(1 for _ in self._lines()) - 1
        if self.total == 0:
            raise ArusError(f"{path} has a header, but no rows")

    def rows(self) -> Iterator[Row]:
        """Yield each row typed; what a short row lacks is None, what a long row has too much is in `extra`."""
        for fields in itertools.islice(self._lines(), 1, None):
            self.ragged += len(fields) != len(self._header)
            row = dict(itertools.zip_longest(self._header, fields[: len(self._header)]))
            typed = typed_row({name: row[name] for name in RETAIL_FIELDS})
            yield {**typed, "extra": extra} if (extra := fields[len(self._header) :]) else typed

    def _lines(self) -> Iterator[list[str]]:
        with self._path.open(encoding=self._encoding, newline="") as text:
            lines = csv.reader(text)
            try:
                yield from filter(None, lines)
            except csv.Error as error:
                raise ArusError(f"{self._path}, line {lines.line_num}: {error}") from error


def encoding_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as text:
            while text.read(CHUNK_CHARACTERS):
                pass
    except UnicodeDecodeError:
        return "iso-8859-1"
    except OSError as error:
        raise ArusError(f"{path} cannot be read: {error.strerror}") from error
    return "utf-8-sig"


def typed_row(texts: dict[str, str | None]) -> Row:
    """Return the row with numbers where the text is one; any other text stays as it is, for the job to judge."""
    row: Row = dict(texts)
    if WHOLE.fullmatch(quantity := (texts["Quantity"] or "").strip()):
        row["Quantity"] = int(quantity)
    if DECIMAL.fullmatch(price := (texts["UnitPrice"] or "").strip()):
        row["UnitPrice"] = float(price)
    customer = (texts["CustomerID"] or "").strip()
    row["CustomerID"] = int(number[1]) if (number := CUSTOMER.fullmatch(customer)) else customer or None
    return row


def make_record(row: Row) -> tuple[str, bytes]:
    """Return the key, which is the invoice, and the value of one row."""
    return str(row["InvoiceNo"] or ""), json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def parse_date(text: str) -> datetime | None:
    """Read `2011-10-06 16:20:00` or, month first, `12/1/10 8:26`; None if it is neither."""
    for form in DATE_FORMS:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
    return None


def random_delay(bounds: tuple[float, float], rng: random.Random) -> Delay:
    return lambda _row: rng.uniform(*bounds)


def replay_delay(speed: float) -> Delay:
    """Return the seconds from the latest date so far to the row's, `speed` times shorter; none where dates go back."""
    latest: datetime | None = None

    def delay(row: Row) -> float:
        nonlocal latest
        date = parse_date(str(row["InvoiceDate"]))
        if date is None or (latest is not None and date <= latest):
            return 0.0
        waited = 0.0 if latest is None else (date - latest).total_seconds() / speed
        latest = date
        return waited

    return delay


def timed_rows(
    open_rows: Callable[[], Iterator[Row]], make_delay: Callable[[], Delay], loop: bool
) -> Iterator[tuple[float, Row]]:
    """Yield each row with the seconds to wait before it; with `loop` all over again, without an end."""
    while True:
        delay = make_delay()
        yield from ((delay(row), row) for row in open_rows())
        if not loop:
            return


def span(text: str) -> tuple[float, float]:
    low, _, high = text.partition("..")
    bounds = at_least(0)(low), at_least(0)(high or low)
    if bounds[0] > bounds[1]:
        raise argparse.ArgumentTypeError(f"'{text}' is not A..B with A up to B")
    return bounds


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m producers.retail", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="send this file's rows (default: invented rows, endless)"
    )
    parser.add_argument("--loop", action="store_true", help="begin the file again at its end")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--delay",
        type=span,
        default=(0.1, 1.0),
        metavar="A..B",
        help="seconds between rows (default 0.1..1.0; 0: none)",
    )
    pace.add_argument("--speed", type=at_least(1e-9), metavar="N", help="replay by InvoiceDate, N times faster")
    add_arguments(parser)
    return parser.parse_args(argv)


def send_rows(options: argparse.Namespace, file: CsvFile | None) -> None:
    rng = random.Random(f"{options.seed}/delays")
    rows = timed_rows(
        file.rows if file else lambda: retail_data.rows(options.seed),
        lambda: replay_delay(options.speed) if options.speed else random_delay(options.delay, rng),
        options.loop,
    )
    ends = [options.count or None, file.total if file and not options.loop else None]
    hurried = options.speed is None and options.delay[1] == 0
    with Sender(
        RETAIL_STREAM,
        broker_timeout=options.broker_timeout,
        delivery_timeout=options.delivery_timeout,
        linger_ms=BULK_LINGER_MS if hurried else 0,
        total=min((end for end in ends if end is not None), default=None),
    ) as sender:
        for seconds, row in itertools.islice(rows, options.count or None):
            if not sender.wait(seconds):
                break
            key, value = make_record(row)
            sender.send(value, key)


def main(argv: list[str]) -> None:
    options = parse(argv)
    file = CsvFile(options.csv) if options.csv else None
    try:
        send_rows(options, file)
    finally:
        if file and file.ragged:
            print(f"{file.ragged} rows with too few or too many fields, sent as they are")


if __name__ == "__main__":
    sys.exit(run("retail", main))
