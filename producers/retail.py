"""Retail invoice lines, one by one into `retail_stream`: python -m producers.retail [--csv FILE].

The rows of a CSV file go with the names of the data set, typed; without a file they are invented.
"""

import argparse
import itertools
import json
import random
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from arus.base.times import date
from arus.producing import add_arguments, at_least, run
from arus.schemas import RETAIL_STREAM
from arus.sending import BULK_LINGER_MS, Sender
from arus.text import number_of
from producers import retail_data
from producers.retail_data import Row
from producers.retail_dates import ORDERS
from producers.retail_files import CsvFile

Delay = Callable[[Row], float]


def make_record(row: Row) -> tuple[str, bytes]:
    """Return the key, which is the invoice, and the value of one row."""
    return str(row["InvoiceNo"] or ""), json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def parse_date(text: str) -> datetime | None:
    """Return an InvoiceDate as the job reads it, None where it cannot."""
    try:
        return date(text)
    except ValueError:
        return None


def random_delay(bounds: tuple[float, float], rng: random.Random) -> Delay:
    return lambda _row: rng.uniform(*bounds)


def replay_delay(speed: float) -> Delay:
    """Return the seconds from the latest date so far to the row's, `speed` times shorter; none where dates go back."""
    latest: datetime | None = None

    def delay(row: Row) -> float:
        nonlocal latest
        moment = parse_date(str(row["InvoiceDate"]))
        if moment is None or moment > datetime.now(timezone.utc) or (latest is not None and moment <= latest):
            return 0.0
        waited = 0.0 if latest is None else (moment - latest).total_seconds() / speed
        latest = moment
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
        "--csv",
        type=Path,
        metavar="FILE",
        help="send this file's rows (default: invented rows, endless): CSV, or CSV in gz; separator"
        " and encoding are found out, and the names of Online Retail II are understood",
    )
    parser.add_argument(
        "--dates",
        choices=tuple(ORDERS),
        help="dates such as 1/2/2010 have the day (dmy) or the month first (mdy);"
        " default: found out from all the file's dates, and asked where none of them decides",
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
    options = parser.parse_args(argv)
    if options.dates and not options.csv:
        parser.error("--dates is about a --csv file")
    return options


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
    file = CsvFile(options.csv, options.dates) if options.csv else None
    if file:
        print(file.said(), flush=True)
        for warning in file.warnings:
            print(f"retail: {warning}", file=sys.stderr, flush=True)
    try:
        send_rows(options, file)
    finally:
        if file and file.ragged:
            as_is = "as it is" if file.ragged == 1 else "as they are"
            print(f"{number_of(file.ragged, 'row')} with too few or too many fields, sent {as_is}")


if __name__ == "__main__":
    sys.exit(run("retail", main))
