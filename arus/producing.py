"""The command line that every producer has."""

import argparse
import contextlib
import math
import secrets
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from arus.errors import ArusError

WORDS: dict[type, str] = {int: "a whole number", float: "a number"}


def at_least(minimum: float, number: type = float) -> Callable[[str], Any]:
    """Return an argparse type that takes a finite number from `minimum` up."""

    def parse(text: str) -> Any:
        with contextlib.suppress(ValueError, OverflowError):
            if math.isfinite(value := number(text)) and value >= minimum:
                return value
        raise argparse.ArgumentTypeError(f"'{text}' is not {WORDS[number]} of at least {minimum:g}")

    return parse


def moment(text: str) -> float:
    """Read epoch seconds or an ISO date (UTC if it names no zone) as epoch seconds."""
    with contextlib.suppress(argparse.ArgumentTypeError):
        return float(at_least(0)(text))
    parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()


def share(text: str) -> float:
    if (value := at_least(0)(text)) <= 1:
        return float(value)
    raise argparse.ArgumentTypeError(f"'{text}' is not a share between 0 and 1")


def step_seconds(rate: float) -> float:
    """Return the seconds between two readings of one sensor; as fast as possible stands for one a second."""
    return 1 / rate if rate else 1.0


def add_faults(parser: argparse.ArgumentParser, late: str, sensor: str) -> Callable[..., Any]:
    """Add the faults that simulated sensors share, where `late` says what late is; return what adds more of them."""
    add = parser.add_argument_group("faults, each a share between 0 and 1 of the readings (default 0)").add_argument
    add("--late", type=share, default=0.0, metavar="SHARE", help=late)
    seconds = "how much too late those of --late are (default 30)"
    add("--late-seconds", type=at_least(0), default=30.0, metavar="SECONDS", help=seconds)
    add("--duplicate", type=share, default=0.0, metavar="SHARE", help="these are sent twice")
    broken = "these are unusable: no JSON, a field missing, ..., one way after the other"
    add("--malformed", type=share, default=0.0, metavar="SHARE", help=broken)
    add("--silent", metavar="SENSOR", help=f"this sensor falls silent, such as {sensor}")
    after = "how long after the start --silent begins (default 0)"
    add("--silent-after", type=at_least(0), default=0.0, metavar="SECONDS", help=after)
    return add


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that every producer has."""
    parser.add_argument(
        "--count", type=at_least(0, int), default=0, metavar="N", help="stop after N (default 0: endless)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        default=secrets.randbelow(2**32),
        help="the same seed gives the same data (default: another each time)",
    )
    parser.add_argument(
        "--broker-timeout",
        type=at_least(1),
        default=60.0,
        metavar="SECONDS",
        help="how long to wait for Kafka at the start (default 60)",
    )
    parser.add_argument(
        "--delivery-timeout",
        type=at_least(1),
        default=120.0,
        metavar="SECONDS",
        help="how long a message may wait for its acknowledgement (default 120)",
    )


def run(name: str, main: Callable[[list[str]], None]) -> int:
    """Run a producer's `main` with the command line; return 0, or 1 after one line about what failed."""
    try:
        main(sys.argv[1:])
    except ArusError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
