"""python -m arus demo: start everything, show alerts and growing tables as they come, and stop it all on Ctrl-C."""

import argparse
import json
import math
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from arus import board_view, home, image_counts, locks, models, supervision, tail, up
from arus.local.programs import Pipeline
from arus.producing import at_least
from arus.progress import duration
from arus.schemas import PERINGATAN_SUHU
from arus.text import printable

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

TERMINAL_SECONDS = 1.0
LOG_SECONDS = 5.0
POLL_MS = 200
SHOWN_ALERTS = 8
NEXT = """Look further, in another terminal:
  .venv/bin/python -m arus tail peringatan-suhu    each alert as it comes
  .venv/bin/python -m arus tail status-gudang      each warehouse's status as it changes
  .venv/bin/python -m arus tables                  the tables, their rows and files
  .venv/bin/python -m arus status                  how fast, how far behind, each warehouse now
  .venv/bin/python -m arus rejects list            what could not be used, and why
  .venv/bin/python -m arus models                  the retail models: 1, 2, 3, ... as they are trained
  .venv/bin/python -m arus images consumed         the images that came, as a grid and in figures
In a browser, or by curl, where which cluster a customer, product or country is in: {server}
"""


class View:
    """What the demo shows: on a terminal a section that is drawn again each second, elsewhere a line every five."""

    def __init__(self, counts: dict[str, int]) -> None:
        self._first = counts
        self._begun = time.monotonic()
        self._alerts: deque[str] = deque(maxlen=SHOWN_ALERTS)
        self._is_terminal = sys.stdout.isatty()
        self._height = 0
        self.due = self._begun

    def add(self, record: "ConsumerRecord") -> None:
        self._alerts.append(alert_line(record))

    def show(self, counts: dict[str, int], notes: list[str], failing: list[str]) -> None:
        """Show the tables' rows, the latest alerts, notes, and the programs that have ended by themselves."""
        since = duration(time.monotonic() - self._begun)
        if self._is_terminal:
            self._draw(self._section(since, counts, notes, failing))
        else:
            rows = ", ".join(f"{table} {count:,} rows" for table, count in counts.items())
            latest = f"; latest alert: {self._alerts[-1]}" if self._alerts else ""
            print("; ".join([f"{since}  {rows}{latest}", *notes, *failing]), flush=True)
        self.due = time.monotonic() + (TERMINAL_SECONDS if self._is_terminal else LOG_SECONDS)

    def _section(self, since: str, counts: dict[str, int], notes: list[str], failing: list[str]) -> list[str]:
        width = max(map(len, counts))
        rows = [f"  {table:<{width}}  {n:>12,} rows  +{n - self._first[table]:,}" for table, n in counts.items()]
        alerts = [f"  {line}" for line in reversed(self._alerts)] or ["  none yet"]
        return [f"{since}   Ctrl-C stops it", *rows, *notes, "latest alerts:", *alerts, *failing]

    def _draw(self, lines: list[str]) -> None:
        size = shutil.get_terminal_size()
        shown = [f"{line[: size.columns - 1]}\x1b[K" for line in lines[: size.lines - 1]]
        up_again = f"\x1b[{self._height}A" if self._height else ""
        print(up_again + "\n".join(shown) + "\n\x1b[J", end="", flush=True)
        self._height = len(shown)


def alert_line(record: "ConsumerRecord") -> str:
    """Return an alert as sensor, degrees and delay after the reading; what is none of ours as `tail` shows it."""
    try:
        alert = json.loads(record.value)
        delay = record.timestamp - 1000 * alert["timestamp"]
        sensor, suhu = printable(str(alert["sensor_id"])), float(alert["suhu"])
    except (ValueError, TypeError, LookupError):
        return tail.line(record)
    return f"{tail.line(record)[:12]}  {sensor}  {suhu:.1f} °C, {delay:,.0f} ms after the reading"


def show(pipelines: Sequence[Pipeline], seconds: float) -> None:
    """Show what happens until `seconds` have passed; Ctrl-C and SIGTERM end it before."""
    print(NEXT.format(server=f"http://{home.server_host()}:{home.server_port()}"), flush=True)
    view = View(up.row_counts(pipelines))
    deadline = time.monotonic() + seconds
    with tail.following(PERINGATAN_SUHU, from_beginning=False) as consumer:
        for partition in consumer.assignment():
            # The alerts that came during the start-up are worth a look too.
            consumer.seek(partition, max(consumer.position(partition) - SHOWN_ALERTS, 0))
        while time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=POLL_MS).values():
                for record in records:
                    view.add(record)
            if time.monotonic() >= view.due:
                notes = [*warehouse_lines(pipelines), *model_lines(), *image_lines(pipelines)]
                view.show(up.row_counts(pipelines), notes, failing_lines())


def warehouse_lines(pipelines: Sequence[Pipeline]) -> list[str]:
    """Return a line on the most urgent warehouses for each running job that keeps a board of them."""
    now = datetime.now(timezone.utc)
    running = [pipeline.job for pipeline in pipelines if locks.is_held(f"checkpoints/{pipeline.job}")]
    return [board_view.line_of(view) for job in running if (view := board_view.read(job, now))]


def model_lines() -> list[str]:
    """Return a line on the retail models, once there is one."""
    numbers = models.numbers() if home.local_store() else []
    return [f"retail models: {len(numbers)}, the champion is {models.champion()}"] if numbers else []


def image_lines(pipelines: Sequence[Pipeline]) -> list[str]:
    """Return a line on the images for each job that counts them."""
    return [image_counts.line_of(counts) for each in pipelines if (counts := image_counts.read(each.job))]


def failing_lines() -> list[str]:
    """Return a line for each program that supervisord starts again, or has given up."""
    return [
        f"{program.name} ended ({program.state}): see {supervision.logs_of(program.name)}"
        for program in supervision.programs().values()
        if program.is_failing
    ]


@contextmanager
def stopped_at_the_end(was_running: bool) -> Iterator[None]:
    """Stop in order what was started when the block ends, or is ended by Ctrl-C or SIGTERM; what ran before runs on."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        print()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if was_running:
            print("left running: `make down` stops it", flush=True)
        elif supervision.running_pid() is not None:
            print("stopping:", flush=True)
            supervision.stop(up.say_stopped)
            print("stopped; the next start continues where this one stopped", flush=True)


def main(argv: list[str]) -> int:
    """Run the demo until Ctrl-C, SIGTERM or `--seconds`; exit code 0 if everything started and stopped."""
    parser = argparse.ArgumentParser(prog="python -m arus demo", description=__doc__)
    parser.add_argument(
        "--seconds", type=at_least(0), default=math.inf, help="stop after showing it for so long (default: never)"
    )
    options, pipelines = up.chosen(parser, argv)
    # Before all else: a demo that may not show what runs must not stop it either.
    up.refuse_other_address()
    before = up.row_counts(pipelines)
    was_running = supervision.running_pid() is not None
    if not was_running:
        up.say_where_it_goes_on(before)
    with stopped_at_the_end(was_running):
        begun = up.bring_up(options.serves)
        if missing := up.start_pipelines(pipelines, begun, before):
            print(missing, file=sys.stderr, flush=True)
        if not begun:
            print("already running: showing it; Ctrl-C leaves it running, `make down` stops it", flush=True)
        show(pipelines, options.seconds)
    return 0
