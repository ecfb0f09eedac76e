"""Simulated warehouse sensors, into two topics, `sensor-suhu-gudang` and `sensor-kelembaban-gudang`.

Each warehouse has a temperature and a humidity, which doors left open and failing coolers lift now and then. Faults
come on request, one at most for each reading.
"""

import argparse
import contextlib
import sys
import time
from pathlib import Path
from typing import TextIO

from arus.errors import ArusError
from arus.producing import add_arguments, add_faults, at_least, moment, run, share, step_seconds
from arus.schemas import SENSOR_KELEMBABAN_GUDANG, SENSOR_SUHU_GUDANG
from arus.sending import BULK_LINGER_MS, Sender
from producers.warehouse_data import KINDS, Event, Faults, readings


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m producers.warehouse", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    warehouses = "how many warehouses: G1 to GN (default 3)"
    add("--warehouses", type=at_least(1, int), default=3, metavar="N", help=warehouses)
    rate = "readings a second of each sensor (default 1; 0: no pause)"
    add("--rate", type=at_least(0), default=1.0, metavar="N", help=rate)
    add(
        "--start",
        type=moment,
        metavar="TIME",
        help="timestamps run from this ISO date or epoch second (default: now; with --rate 0, so that they end now)",
    )
    add("--truth", type=Path, metavar="FILE", help="write what became of each reading, as JSON lines")
    late = "these are sent --late-seconds after they were read, with the timestamp of then"
    add_fault = add_faults(parser, late=late, sensor="G2:kelembaban")
    later = "these are sent --out-of-order-seconds later, after newer readings"
    add_fault("--out-of-order", type=share, default=0.0, metavar="SHARE", help=later)
    seconds = "how much later those of --out-of-order are sent (default 3)"
    add_fault("--out-of-order-seconds", type=at_least(0), default=3.0, metavar="SECONDS", help=seconds)
    add_fault("--missing", type=share, default=0.0, metavar="SHARE", help="these are never sent")
    add_arguments(parser)
    options = parser.parse_args(argv)
    if sum(faults_of(options).shares().values()) > 1 + 1e-9:
        parser.error("the shares of the faults add up to more than 1: a reading has one fault at most")
    sensors = {f"G{n}:{kind}" for n in range(1, options.warehouses + 1) for kind in KINDS}
    if options.silent and options.silent not in sensors:
        parser.error(
            f"--silent {options.silent}: there are G1 to G{options.warehouses}, each with {' and '.join(KINDS)}"
        )
    return options


def first_time(options: argparse.Namespace) -> float:
    """Return the epoch second that timestamps run from.

    Without a pause between them, readings would be ahead of the clock: then they end now.
    """
    if options.start is not None:
        return float(options.start)
    turns = options.count / (len(KINDS) * options.warehouses)
    return time.time() - (0.0 if options.rate else turns * step_seconds(options.rate))


def faults_of(options: argparse.Namespace) -> Faults:
    return Faults(**{name: getattr(options, name) for name in Faults._fields})


def open_truth(path: Path | None) -> contextlib.AbstractContextManager[TextIO | None]:
    """Return the file that the truth goes to, by line: none is cut short where the producer is killed."""
    try:
        return path.open("w", encoding="utf-8", buffering=1) if path else contextlib.nullcontext()
    except OSError as error:
        raise ArusError(f"--truth {path} cannot be written: {error.strerror}") from error


def send(sender: Sender, event: Event, truth: TextIO | None) -> None:
    """Send an event's message, if it has one; note what was sent, or is missing, as the truth."""
    if event.sent and not sender.send(event.value, event.key, topic=event.topic):
        return
    if truth:
        truth.write(f"{event.truth()}\n")


def main(argv: list[str]) -> None:
    options = parse(argv)
    with (
        open_truth(options.truth) as truth,
        Sender(
            SENSOR_SUHU_GUDANG,
            SENSOR_KELEMBABAN_GUDANG,
            broker_timeout=options.broker_timeout,
            delivery_timeout=options.delivery_timeout,
            linger_ms=0 if options.rate else BULK_LINGER_MS,
            total=options.count or None,
        ) as sender,
    ):
        before, start = 0.0, first_time(options)
        for event in readings(options.warehouses, options.rate, options.count, options.seed, faults_of(options), start):
            if not sender.wait(event.send_after - before if options.rate else 0.0):
                break
            before = event.send_after
            send(sender, event, truth)


if __name__ == "__main__":
    sys.exit(run("warehouse", main))
