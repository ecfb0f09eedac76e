"""Invented readings of warehouses, and what becomes of each on its way: the stream and its truth, without Kafka.

Temperature and humidity drift over the day and tremble. A door left open lifts both for a while; a failing cooler lifts
the temperature slowly, until it is mended. The same seed gives the same readings and the same faults.
"""

import heapq
import itertools
import json
import random
from collections.abc import Iterator
from typing import NamedTuple

from arus.producing import step_seconds
from arus.schemas import SENSOR_KELEMBABAN_GUDANG, SENSOR_SUHU_GUDANG
from producers.malformed import malformed
from producers.signals import DAY_SECONDS, Episode, daily, lifts, trembling

DOOR_GAP_SECONDS = 240.0
COOLER_GAP_SECONDS = 1200.0
DRIFT = 1.0
NOISE_SECONDS = 20.0
UNSENT = ("missing", "silent")


class Range(NamedTuple):
    """What a kind of sensor shows, in °C or %: its scale, its level while all is well, noise, an open door's lift."""

    topic: str
    least: float
    most: float
    level: tuple[float, float]
    noise: float
    door: float


KINDS = {
    "suhu": Range(SENSOR_SUHU_GUDANG, 70.0, 90.0, (75.0, 76.5), 0.4, 9.5),
    "kelembaban": Range(SENSOR_KELEMBABAN_GUDANG, 60.0, 80.0, (62.5, 64.5), 0.4, 13.0),
}
# Kind -> every way in which its value can be unusable, by name.
MALFORMED = {
    kind: {
        **malformed("gudang_id", "G1", kind, ',"timestamp":1732190400.0'),
        "other_kind": b'{"gudang_id":"G1","%s":70.0,"timestamp":1732190400.0}' % other.encode(),
    }
    for kind, other in zip(KINDS, reversed(KINDS), strict=True)
}


class Faults(NamedTuple):
    """Shares between 0 and 1 of the readings, which add up to 1 at most; `silent` is a sensor, as G2:kelembaban."""

    missing: float = 0.0
    malformed: float = 0.0
    late: float = 0.0
    out_of_order: float = 0.0
    duplicate: float = 0.0
    late_seconds: float = 30.0
    out_of_order_seconds: float = 3.0
    silent: str | None = None
    silent_after: float = 0.0

    def shares(self) -> dict[str, float]:
        shares = {"missing": self.missing, "malformed": self.malformed, "late": self.late}
        return {**shares, "out-of-order": self.out_of_order, "duplicate": self.duplicate}

    def delay(self, fault: str | None) -> float:
        """Return for how many seconds this fault holds a reading back."""
        return {"late": self.late_seconds, "out-of-order": self.out_of_order_seconds}.get(fault or "", 0.0)


class Event(NamedTuple):
    """What happens to one reading: a message, or none where `sent` is false.

    send_after: seconds after the first one; reading: °C or %; timestamp: epoch seconds, when it was read; malformed:
    which of MALFORMED its value is. The second of two equal messages has the fault duplicate, the first has none.
    """

    topic: str
    key: str
    value: bytes | None
    send_after: float
    kind: str
    reading: float
    timestamp: float
    fault: str | None = None
    malformed: str | None = None

    @property
    def sent(self) -> bool:
        return self.fault not in UNSENT

    def truth(self) -> str:
        """Return this event as a line of JSON, without its message."""
        fields = {"topic": self.topic, "gudang_id": self.key, "kind": self.kind, "value": self.reading}
        return json.dumps({**fields, "timestamp": self.timestamp, "fault": self.fault, "malformed": self.malformed})


def opened_door(rng: random.Random, begin: float) -> Episode:
    return Episode(begin, rng.uniform(10, 25), rng.uniform(10, 40), rng.uniform(0.8, 1.0), fade=20.0)


def failed_cooler(rng: random.Random, begin: float) -> Episode:
    return Episode(begin, rng.uniform(120, 300), rng.uniform(30, 120), rng.uniform(3.5, 5.0), fade=60.0)


def signal(warehouse: int, kind: str, step: float, seed: int) -> Iterator[float]:
    """Yield a sensor's readings in °C or %, one every `step` seconds; the first door opens soon, for a demo to show."""
    shown = KINDS[kind]
    rng, doors = random.Random(f"{seed}/{warehouse}/{kind}"), random.Random(f"{seed}/{warehouse}/door")
    level, hour = rng.uniform(*shown.level), rng.uniform(0, DAY_SECONDS)
    noise = trembling(rng, step, shown.noise, NOISE_SECONDS)
    first = doors.uniform(3, 6) if warehouse == 1 else doors.expovariate(1 / DOOR_GAP_SECONDS)
    # Both sensors of a warehouse see the same door, so it has a generator of its own.
    door = lifts(doors, step, first, DOOR_GAP_SECONDS, lambda begin: opened_door(doors, begin))
    cooler: Iterator[float] = itertools.repeat(0.0)
    if kind == "suhu":
        failing = random.Random(f"{seed}/{warehouse}/cooler")
        first = failing.expovariate(1 / COOLER_GAP_SECONDS)
        cooler = lifts(failing, step, first, COOLER_GAP_SECONDS, lambda begin: failed_cooler(failing, begin))
    for n in itertools.count():
        value = level + daily(n * step + hour, DRIFT) + next(noise) + shown.door * next(door) + next(cooler)
        yield round(min(max(value, shown.least), shown.most), 2)


def chosen(rng: random.Random, shares: dict[str, float]) -> str | None:
    """Return one fault or none, each as often as its share."""
    drawn = rng.random()
    for fault, share in shares.items():
        if drawn < share:
            return fault
        drawn -= share
    return None


def make_record(gudang_id: str, kind: str, reading: float, timestamp: float) -> bytes:
    """Return one reading as its topic carries it: degrees Celsius or per cent, epoch seconds."""
    return json.dumps({"gudang_id": gudang_id, kind: reading, "timestamp": timestamp}, separators=(",", ":")).encode()


def sensor_events(
    sensor: tuple[int, str], first: float, step: float, seed: int, faults: Faults, start: float
) -> Iterator[tuple[float, Event]]:
    """Yield each reading of a sensor with when it is read: `first` seconds after the start, then every `step`."""
    warehouse, kind = sensor
    gudang_id = f"G{warehouse}"
    rng = random.Random(f"{seed}/{warehouse}/{kind}/faults")
    names = itertools.cycle(rng.sample(sorted(MALFORMED[kind]), len(MALFORMED[kind])))
    for n, reading in enumerate(signal(warehouse, kind, step, seed)):
        moment = n * step + first
        fault = chosen(rng, faults.shares())
        if faults.silent == f"{gudang_id}:{kind}" and moment >= faults.silent_after:
            fault = "silent"
        timestamp = round(start + moment, 3)
        name = next(names) if fault == "malformed" else None
        value = MALFORMED[kind][name] if name else make_record(gudang_id, kind, reading, timestamp)
        due = moment + faults.delay(fault)
        yield moment, Event(KINDS[kind].topic, gudang_id, value, due, kind, reading, timestamp, fault, name)


def readings(
    warehouses: int = 3,
    rate: float = 1.0,
    count: int = 0,
    seed: int = 0,
    faults: Faults = Faults(),  # noqa: B008 (a named tuple cannot change)
    start: float = 0.0,
) -> Iterator[Event]:
    """Yield what happens to `count` readings (0: without an end), in the order of sending.

    The sensors take turns, `rate` times a second each (0 stands for 1); timestamps begin at `start` (epoch seconds).
    Readings that are held back come last if they are due after all others.
    """
    step = step_seconds(rate)
    sensors = list(itertools.product(range(1, warehouses + 1), KINDS))
    streams = [
        sensor_events(sensor, place * step / len(sensors), step, seed, faults, start)
        for place, sensor in enumerate(sensors)
    ]
    held: list[tuple[float, int, Event]] = []
    for n in itertools.count() if count == 0 else range(count):
        moment, event = next(streams[n % len(streams)])
        heapq.heappush(held, (event.send_after, n, event))
        while held and held[0][0] <= moment:
            yield from copies(heapq.heappop(held)[2])
    while held:
        yield from copies(heapq.heappop(held)[2])


def copies(event: Event) -> list[Event]:
    return [event._replace(fault=None), event] if event.fault == "duplicate" else [event]
