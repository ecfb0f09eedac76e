"""The command line that every producer has."""

import argparse
import contextlib
import math
import sys
from collections.abc import Callable
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that every producer has."""
    parser.add_argument(
        "--count", type=at_least(0, int), default=0, metavar="N", help="stop after N (default 0: endless)"
    )
    parser.add_argument(
        "--seed", type=int, default=None, help="the same seed gives the same data (default: another each time)"
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
