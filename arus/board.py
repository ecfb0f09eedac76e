"""What is the case in each warehouse now: its status, its sensors' last readings, and which of them have fallen silent.

Kept in the driver's memory, and in `run/<job>.board.json` for `python -m arus status` and for the job's next start.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

from arus.outbox import Message
from arus.whole_files import write_atomically


@dataclass(frozen=True)
class Sensor:
    """A sensor's last reading (°C or %), when it was read, when it came in, and whether it is above the threshold."""

    value: float
    time: datetime
    heard: datetime
    is_high: bool = False
    is_silent: bool = False


class Status(NamedTuple):
    """The status of a warehouse as its reading of that time gives it."""

    gudang_id: str
    status: str
    time: datetime


class Turn(NamedTuple):
    """A sensor, by gudang_id and kind, that has fallen silent or speaks again, and the message of it."""

    sensor: tuple[str, str]
    is_silent: bool
    message: Message


class Board:
    """Each warehouse's present status and its sensors by (gudang_id, kind); the job's queries share it."""

    def __init__(self, path: Path, silence: timedelta) -> None:
        self._path = path
        self._silence = silence
        self._lock = threading.Lock()
        self.present, self.sensors = read(path)

    def hear(self, gudang_id: str, kind: str, reading: Sensor) -> None:
        """Take a sensor's newest reading of a micro-batch; of two of one time the higher counts, which is the worse."""
        with self._lock:
            before = self.sensors.get((gudang_id, kind))
            newest = max((before, reading), key=lambda one: (one.time, one.value)) if before else reading
            was_silent = before is not None and before.is_silent
            self.sensors[gudang_id, kind] = replace(newest, heard=reading.heard, is_silent=was_silent)

    def turns(self, now: datetime) -> list[Turn]:
        """Return what is to be told: who has said nothing for longer than the limit, and who speaks again."""
        with self._lock:
            return [
                Turn(key, is_silent, _message(*key, sensor, is_silent))
                for key, sensor in self.sensors.items()
                if (is_silent := now - sensor.heard > self._silence) != sensor.is_silent
            ]

    def told(self, turns: Iterable[Turn]) -> None:
        """Note that the turns have been told, so that they are not told again."""
        with self._lock:
            for turn in turns:
                self.sensors[turn.sensor] = replace(self.sensors[turn.sensor], is_silent=turn.is_silent)

    def newest(self) -> dict[str, datetime]:
        """Return the time of each kind's newest reading."""
        times: dict[str, datetime] = {}
        for (_, kind), sensor in self.sensors.items():
            times[kind] = max(sensor.time, times.get(kind, sensor.time))
        return times

    def changes(self, statuses: Iterable[Status]) -> tuple[list[int], dict[str, Status]]:
        """Return which of the statuses, in order of time, change a warehouse's present one; and the present ones then.

        The status of a reading older than the present status changes nothing. `take` makes it so.
        """
        changing: list[int] = []
        after: dict[str, Status] = {}
        for number, status in enumerate(statuses):
            before = after.get(status.gudang_id) or self.present.get(status.gudang_id)
            if before and status.time < before.time:
                continue
            if not before or status.status != before.status:
                changing.append(number)
            after[status.gudang_id] = status
        return changing, after

    def take(self, present: Mapping[str, Status]) -> None:
        with self._lock:
            self.present.update(present)

    def write(self) -> None:
        with self._lock:
            found = {
                "present": [status._asdict() for status in self.present.values()],
                "sensors": [[*key, asdict(sensor)] for key, sensor in self.sensors.items()],
            }
            write_atomically(self._path, json.dumps(found, default=datetime.isoformat))


def read(path: Path) -> tuple[dict[str, Status], dict[tuple[str, str], Sensor]]:
    """Return what a board's file says; nothing where it is not there or damaged: then all is told anew."""
    try:
        found = json.loads(path.read_text())
        present = {fields["gudang_id"]: Status(**_timed(fields, "time")) for fields in found["present"]}
        sensors = {(name, kind): Sensor(**_timed(fields, "time", "heard")) for name, kind, fields in found["sensors"]}
    except (OSError, ValueError, TypeError, LookupError):
        return {}, {}
    return present, sensors


def _timed(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**fields, **{name: datetime.fromisoformat(fields[name]) for name in names}}


def _message(gudang_id: str, kind: str, sensor: Sensor, is_silent: bool) -> Message:
    word, seconds = "diam" if is_silent else "aktif kembali", sensor.time.timestamp()
    name = f"{gudang_id}-{kind}-{seconds:.6f}-{word.split()[0]}"
    told = {
        "id": name,
        "gudang_id": gudang_id,
        "status": f"Sensor {kind} {word}",
        "timestamp": seconds,
        kind: sensor.value,
    }
    return gudang_id, json.dumps(told)


def utc(micros: int) -> datetime:
    """Return epoch microseconds as a UTC timestamp."""
    return datetime.fromtimestamp(0, timezone.utc) + timedelta(microseconds=micros)
