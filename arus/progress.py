"""What long work says of itself on stderr: one line, rewritten; in a log, one every few seconds."""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from arus.text import number_of

PATIENCE_SECONDS = 2.0
TERMINAL_SECONDS = 1.0
LOG_SECONDS = 5.0
BAR_WIDTH = 24
SILENCE_WORTH_SAYING = 2.0


def summary(sent: int, acked: int, failed: int, seconds: float) -> str:
    return f"sent {sent}, acked {acked}, failed {failed} in {seconds:.1f} s ({acked / max(seconds, 1e-9):.0f}/s)"


def bar(done: int, total: int, rate: float) -> str:
    """Return how far `done` of `total` is, and the time left at `rate` per second."""
    share = min(done / total, 1.0) if total else 1.0
    filled = int(share * BAR_WIDTH)
    left = f", {duration((total - done) / rate)} left" if rate > 0 else ""
    return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {share:.1%} of {total}{left}: "


def duration(seconds: float) -> str:
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def said_if_slow(line: str) -> Iterator[None]:
    """Print the line where what is done meanwhile takes longer than two seconds."""
    notice = threading.Timer(PATIENCE_SECONDS, _show, (line, False))
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()


class Progress:
    """Shows how far a run of `total` messages is (None: without an end) on stderr, when `due`."""

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._terminal = sys.stderr.isatty()
        self._interval = TERMINAL_SECONDS if self._terminal else LOG_SECONDS
        self._shown = time.monotonic()
        self._acked_then = 0
        self.due = self._shown + self._interval

    def show(self, now: float, sent: int, acked: int, failed: int, silent: float) -> None:
        """Print the line; `silent` is for how many seconds the oldest message has waited for its answer."""
        rate = (acked - self._acked_then) / max(now - self._shown, 1e-9)
        line = bar(acked, self._total, rate) if self._total else ""
        line += f"sent {sent}, acked {acked}, failed {failed}, {rate:.0f}/s"
        if silent > SILENCE_WORTH_SAYING:
            line += f"; no answer from Kafka for {silent:.0f} s"
        self._print(line)
        self._shown, self._acked_then, self.due = now, acked, now + self._interval

    def clear(self) -> None:
        """Remove the rewritten line, so that what follows stands alone."""
        if self._terminal:
            _clear()

    def _print(self, line: str) -> None:
        _show(line, self._terminal)


class Counting:
    """Says how far a count is, once that takes longer than `patience` (seconds; in a log, five).

    As a context manager it takes the rewritten line away at the end.
    """

    def __init__(self, one: str, patience: float | None = None) -> None:
        self._one = one
        self._terminal = sys.stderr.isatty()
        self._started = time.monotonic()
        usual = PATIENCE_SECONDS if self._terminal else LOG_SECONDS
        self._due = self._started + (usual if patience is None else patience)
        self._is_shown = False
        self._count = 0

    def __enter__(self) -> "Counting":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def clear(self) -> None:
        if self._is_shown and self._terminal:
            _clear()

    def add(self, count: int = 1) -> None:
        """Count on, and show it when it is time."""
        self._count += count
        now = time.monotonic()
        if now < self._due:
            return
        rate = self._count / (now - self._started)
        _show(f"{number_of(self._count, self._one)}, {rate:,.0f}/s", self._terminal)
        self._is_shown = True
        self._due = now + (TERMINAL_SECONDS if self._terminal else LOG_SECONDS)


def _show(line: str, terminal: bool) -> None:
    if terminal:
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{line[:width]}\x1b[K", end="", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def _clear() -> None:
    print("\r\x1b[K", end="", file=sys.stderr, flush=True)
