"""The warehouses as `python -m arus status` and the demo show them: the most urgent first, however many there are."""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from arus import cells, home
from arus.schemas import KELEMBABAN, SUHU
from arus.text import printable

WIDTH = 100
SHOWN_WAREHOUSES = 7
SHOWN_IN_A_LINE = 3
# A running job writes its board each second.
STALE_SECONDS = 10
NONE_YET = "warehouses: none yet"
NO_STATUS = "no status yet"
# What a status begins with, the worst first; one that is not among them counts as none.
STATUSES = ("Bahaya tinggi!", "Suhu tinggi", "Kelembaban tinggi", "Suhu saja", "Kelembaban saja", NO_STATUS, "Aman")
COLUMNS = (("warehouse", 18), ("status", 36), ("suhu", 21), ("kelembaban", 20))


@dataclass(frozen=True)
class Reading:
    """A sensor's last reading (°C or %), the seconds since it was read, and since it came in."""

    value: float
    age_s: float
    heard_s: float
    is_high: bool
    is_silent: bool


@dataclass(frozen=True)
class Warehouse:
    """A warehouse's present status, the seconds since the reading that gave it, and what its sensors last said."""

    gudang_id: str
    status: str | None
    status_age_s: float | None
    suhu: Reading | None
    kelembaban: Reading | None

    @property
    def readings(self) -> list[Reading]:
        return [reading for reading in (self.suhu, self.kelembaban) if reading]


@dataclass(frozen=True)
class BoardView:
    """All warehouses, the most urgent first, as they were when the board was written (ISO text), `age_s` seconds ago.

    The ages in it count on, whether the job runs or not.
    """

    written: str
    age_s: float
    warehouses: list[Warehouse]


def read(job: str, now: datetime) -> BoardView | None:
    """Return what `run/<job>.board.json` says, with ages as they are now; None where it is not there or damaged."""
    path = home.run() / f"{job}.board.json"
    # Not by arus.board, which needs Spark.
    try:
        written = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        found = json.loads(path.read_text())
        statuses = {str(fields["gudang_id"]): fields for fields in found["present"]}
        readings = {(str(name), kind): _reading(fields, now) for name, kind, fields in found["sensors"]}
        names = statuses.keys() | {name for name, _ in readings}
        warehouses = [_warehouse(name, statuses.get(name), readings, now) for name in names]
    except (OSError, ValueError, TypeError, LookupError, OverflowError):
        return None
    return BoardView(written.isoformat(), _seconds(now, written), sorted(warehouses, key=_urgency))


def _reading(fields: dict[str, Any], now: datetime) -> Reading:
    value, is_high, is_silent = float(fields["value"]), bool(fields["is_high"]), bool(fields["is_silent"])
    return Reading(value, _age(fields["time"], now), _age(fields["heard"], now), is_high, is_silent)


def _warehouse(
    name: str, present: dict[str, Any] | None, readings: dict[tuple[str, str], Reading], now: datetime
) -> Warehouse:
    status, age = (str(present["status"]), _age(present["time"], now)) if present else (None, None)
    return Warehouse(name, status, age, readings.get((name, SUHU)), readings.get((name, KELEMBABAN)))


def _age(time: str, now: datetime) -> float:
    return _seconds(now, datetime.fromisoformat(time))


def _seconds(now: datetime, then: datetime) -> float:
    return round((now - then).total_seconds(), 1)


def _urgency(warehouse: Warehouse) -> tuple[int, list[tuple[int, str]], str]:
    """Return what sorts warehouses: danger, then silence, then one high reading, then no pair, then all is well."""
    gravity = STATUSES.index(_brief(warehouse.status))
    highs = sum(reading.is_high for reading in warehouse.readings)
    # The status follows the readings by up to a second or two: two open warnings are a danger before it says so.
    if gravity == 0 or highs > 1:
        level = 0
    elif any(reading.is_silent for reading in warehouse.readings):
        level = 1
    elif gravity <= STATUSES.index("Kelembaban tinggi") or highs:
        level = 2
    else:
        level = gravity
    return level, _natural(warehouse.gudang_id), warehouse.gudang_id


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts G2 before G10; numbers stay text, since they may be longer than Python would convert."""
    parts = re.split(r"([0-9]+)", name)
    return [(len(part.lstrip("0")), part.lstrip("0")) if place % 2 else (0, part) for place, part in enumerate(parts)]


def _brief(status: str | None) -> str:
    return next((brief for brief in STATUSES if status and status.startswith(brief)), NO_STATUS)


def text_of(view: BoardView, is_running: bool, shows_all: bool) -> list[str]:
    """Return the board as lines of at most 100 columns: counts, the most urgent warehouses, and what is not shown."""
    if not view.warehouses:
        return [f"  {NONE_YET}"]
    shown = view.warehouses if shows_all else view.warehouses[:SHOWN_WAREHOUSES]
    more = view.warehouses[len(shown) :]
    return [
        _title(view.warehouses),
        *_as_of(view, is_running),
        *_counts("  ", view.warehouses),
        _row([title for title, _ in COLUMNS]),
        *(_row(_cells(warehouse)) for warehouse in shown),
        *(_counts(f"  {len(more):,} more (--all shows them): ", more) if more else []),
    ]


def _title(warehouses: Sequence[Warehouse]) -> str:
    readings = [reading for warehouse in warehouses for reading in warehouse.readings]
    highs, silent = sum(reading.is_high for reading in readings), sum(reading.is_silent for reading in readings)
    return f"  warehouses: {len(warehouses):,}; open warnings (!): {highs:,}; silent sensors (diam): {silent:,}"


def _as_of(view: BoardView, is_running: bool) -> list[str]:
    if is_running and view.age_s <= STALE_SECONDS:
        return []
    at = datetime.fromisoformat(view.written).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return [f"  as of {at} ({cells.age(view.age_s)} ago)" + ("" if is_running else ", the job is not running")]


def _counts(begin: str, warehouses: Sequence[Warehouse]) -> list[str]:
    found = Counter(_brief(warehouse.status) for warehouse in warehouses)
    counts = [f"{found[status]:,} {status}" for status in STATUSES if found[status]]
    # A line ends only after a comma: the other spaces are, for textwrap, none.
    text = begin + ", ".join(count.replace(" ", "\xa0") for count in counts)
    return [
        line.replace("\xa0", " ")
        for line in textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    ]


def _cells(warehouse: Warehouse) -> list[str]:
    status = printable(warehouse.status or NO_STATUS)
    suhu, kelembaban = _cell(warehouse.suhu, "°C"), _cell(warehouse.kelembaban, "%")
    return [printable(warehouse.gudang_id), status, suhu, kelembaban]


def _cell(reading: Reading | None, unit: str) -> str:
    if not reading:
        return f"{'-':>6}"
    since = f"diam {cells.age(reading.heard_s)}" if reading.is_silent else cells.age(reading.age_s)
    return f"{reading.value:6.1f} {unit} {'!' if reading.is_high else ' '} {since}"


def _row(texts: Sequence[str]) -> str:
    padded = (f"{cells.cut(text, width):<{width}}" for text, (_, width) in zip(texts, COLUMNS, strict=True))
    return "  " + " ".join(padded).rstrip()


def line_of(view: BoardView) -> str:
    """Return the most urgent warehouses in one line, and how many more there are."""
    if not view.warehouses:
        return NONE_YET
    shown = [_in_a_word(warehouse) for warehouse in view.warehouses[:SHOWN_IN_A_LINE]]
    more = len(view.warehouses) - len(shown)
    return f"warehouses: {', '.join([*shown, f'{more:,} more'] if more else shown)}"


def _in_a_word(warehouse: Warehouse) -> str:
    is_silent = any(reading.is_silent for reading in warehouse.readings)
    name = cells.cut(printable(warehouse.gudang_id), COLUMNS[0][1])
    return f"{name} {_brief(warehouse.status)}{' (sensor diam)' if is_silent else ''}"
