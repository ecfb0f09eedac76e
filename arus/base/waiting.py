"""Waiting aloud, and never for ever."""

import math
import os
import sys
import time
from collections.abc import Callable

from arus.errors import ArusError

DEFAULT_PATIENCE_SECONDS = 60.0
NOTICE_SECONDS = 2.0
REMINDER_SECONDS = 10.0
LOOK_SECONDS = 0.2


def patience_seconds() -> float:
    """Return for how long something is waited for: ARUS_PATIENCE_SECONDS, by default a minute."""
    given = os.environ.get("ARUS_PATIENCE_SECONDS") or str(DEFAULT_PATIENCE_SECONDS)
    try:
        return max(0.0, float(given))
    except ValueError:
        raise ArusError(f"ARUS_PATIENCE_SECONDS={given} is not a number of seconds") from None


def wait_aloud(
    is_so: Callable[[], bool],
    what: str,
    say: Callable[[str], None] | None = None,
    patience: float | None = None,
    look_seconds: float = LOOK_SECONDS,
) -> bool:
    """Wait until it is so, and return whether it came to be within the patience (seconds; default: the usual one).

    After two seconds, and then every ten, `say` (default: stderr) is told what is waited for.
    """
    end = time.monotonic() + (patience_seconds() if patience is None else patience)
    due = time.monotonic() + NOTICE_SECONDS
    while not is_so():
        now = time.monotonic()
        if now >= end:
            return False
        if now >= due:
            (say or _to_stderr)(f"waiting for {what}, up to {math.ceil(end - now)} s more ...")
            due = now + REMINDER_SECONDS
        time.sleep(look_seconds)
    return True


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
