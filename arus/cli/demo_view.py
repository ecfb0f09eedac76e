"""What `demo` shows: the tables as they grow, what each job is at, the latest alerts, and where to look further."""

import json
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from arus import board_view, delta_files, home, image_counts, locks, models, status, tail
from arus.base.times import instant
from arus.progress import duration
from arus.schemas import JOBS, TABLES
from arus.text import number_of, printable

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

TERMINAL_SECONDS = 1.0
LOG_SECONDS = 5.0
SHOWN_ALERTS = 8
SENDS_ALERTS = "temperature_filter"
# How a run that is over may have ended.
BEFORE = ("stopped", "failed", "killed")
# What can be looked at, and the job that there is something of (none: always).
LOOK = (
    ("tail peringatan-suhu", "each alert as it comes", "temperature_filter"),
    ("tail status-gudang", "each warehouse's status as it changes", "warehouse_monitor"),
    ("models", "the retail models: 1, 2, 3, ... as they are trained", "retail_train"),
    ("images consumed", "the images that came, as a grid and in figures", "image_analytics"),
    ("tables", "the tables, their rows and files", ""),
    ("status", "how fast, how far behind, what each job is at", ""),
    ("rejects list", "what could not be used, and why", ""),
)
PAGES = (
    ("", "which cluster a customer, product or country is in", "retail_train"),
    ("upload", "pictures into 300 by 300", "image_resize"),
)


class View:
    """On a terminal a section that is drawn again each second, elsewhere a line every five."""

    def __init__(self, counts: Mapping[str, int], ctrl_c: str) -> None:
        self._ctrl_c = ctrl_c
        self._first = dict(counts)
        self._begun = time.monotonic()
        self._since = f"{datetime.now().astimezone():%H:%M:%S}"
        self._alerts: deque[str] = deque(maxlen=SHOWN_ALERTS)
        self._last_alert = 0.0
        self._is_terminal = sys.stdout.isatty()
        self._height = 0
        self.due = self._begun

    def add(self, record: "ConsumerRecord") -> None:
        self._alerts.append(alert_line(record))
        self._last_alert = record.timestamp / 1000

    def show(self, counts: Mapping[str, int], notes: list[str], jobs: Sequence[str]) -> None:
        """Show the tables' rows, notes, and the latest alerts where a job of `jobs` sends them."""
        since = duration(time.monotonic() - self._begun)
        if self._is_terminal:
            self._draw(self._section(since, counts, notes, jobs))
        else:
            rows = ", ".join(f"{table} {number_of(count, 'row')}" for table, count in counts.items())
            latest = f"; latest alert: {self._alerts[-1]}" if self._alerts else ""
            print("; ".join([f"{since}  {rows}{latest}", *notes]), flush=True)
        self.due = time.monotonic() + (TERMINAL_SECONDS if self._is_terminal else LOG_SECONDS)

    def _section(self, since: str, counts: Mapping[str, int], notes: list[str], jobs: Sequence[str]) -> list[str]:
        width = max(map(len, [*counts, "table"]))
        rows = [f"  {'table':<{width}}  {'rows':>12}  new since {self._since}"]
        rows += [
            f"  {table:<{width}}  {n:>12,}  {n - self._first.setdefault(table, n):>+18,}" for table, n in counts.items()
        ]
        rows = rows if jobs else ["no job runs any more"]
        return [f"{since}   {self._ctrl_c}", *rows, *notes, *(self._alert_lines() if SENDS_ALERTS in jobs else [])]

    def _alert_lines(self) -> list[str]:
        if not self._alerts:
            return ["no alert yet: a reading above the threshold makes one"]
        ago = duration(time.time() - self._last_alert)
        return [f"latest alerts, the last one {ago} ago:", *(f"  {line}" for line in reversed(self._alerts))]

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
    except (ValueError, TypeError, LookupError, RecursionError):
        return tail.line(record)
    at = tail.clock(instant(record.timestamp / 1000), today=None)
    return f"{at}  {sensor}  {suhu:.1f} °C, {delay:,.0f} ms after the reading"


def look_further(jobs: Sequence[str], serves: bool) -> str:
    """Return the commands and pages that have something to show while these jobs run."""
    commands = [(command, what) for command, what, job in LOOK if not job or job in jobs]
    width = max(len(command) for command, _ in commands)
    lines = [f"  .venv/bin/python -m arus {command:<{width}}  {what}" for command, what in commands]
    lines = ["Look further, in another terminal:", *lines]
    pages = [(page, what) for page, what, job in PAGES if job in jobs] if serves else []
    base = f"http://{home.server_host()}:{home.server_port()}/"
    lines += ["In a browser:"] if pages else []
    lines += [f"  {base + page:<{len(base) + 8}}{what}" for page, what in pages]
    return "\n".join([*lines, ""])


def row_counts(jobs: Iterable[str]) -> dict[str, int]:
    """Return the rows of the jobs' tables, 0 where one is not there yet, and of tables that no job of ours writes."""
    tables = [table for job in jobs for table in JOBS[job].tables]
    others = [name for name in delta_files.names() if "/" not in name and name not in TABLES]
    return {table: delta_files.summary(table).rows for table in [*tables, *others]}


def notes(jobs: Sequence[str]) -> list[str]:
    """Return a line on each thing besides rows that the jobs have to show, and on each job that is not yet at work."""
    return [*warehouse_lines(jobs), *model_lines(jobs), *image_lines(jobs), *state_lines(jobs)]


def state_lines(jobs: Sequence[str]) -> list[str]:
    """Return what each of the jobs, whose programs are alive, is at that does not simply run."""
    states = {job: status.job(job) for job in jobs}
    # What is said of the run before: this one has not got so far as to say anything.
    new = {"state": "starting", "doing": ""}
    present = {job: new if facts["state"] in BEFORE else facts for job, facts in states.items()}
    return [status.headline(job, facts) for job, facts in present.items() if facts["state"] != "running"]


def warehouse_lines(jobs: Sequence[str]) -> list[str]:
    """Return a line on the most urgent warehouses for each running job that keeps a board of them."""
    now = datetime.now(timezone.utc)
    running = [job for job in jobs if locks.is_held(f"checkpoints/{job}")]
    return [board_view.line_of(view) for job in running if (view := board_view.read(job, now))]


def model_lines(jobs: Sequence[str]) -> list[str]:
    """Return a line on the retail models, once there is one, where a job trains them."""
    numbers = models.numbers() if "retail_train" in jobs and home.local_store() else []
    return [f"retail models: {len(numbers)}, the champion is {models.champion()}"] if numbers else []


def image_lines(jobs: Sequence[str]) -> list[str]:
    """Return a line on the images for each job that counts them."""
    return [image_counts.line_of(counts) for job in jobs if (counts := image_counts.read(job))]
