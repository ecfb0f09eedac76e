"""Simulated factory sensors, into `sensor-suhu`: python -m producers.temperature.

Each sensor has its own level, drifts over the day, trembles, and overheats now and then. Faults come on request.
"""

import argparse
import itertools
import json
import random
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from arus.producing import add_arguments, add_faults, at_least, moment, run, share, step_seconds
from arus.schemas import SENSOR_SUHU
from arus.sending import BULK_LINGER_MS, Sender
from producers.malformed import malformed
from producers.signals import DAY_SECONDS, Episode, daily, lifts, trembling

DRIFT_CELSIUS = 1.5
NOISE_CELSIUS = 0.5
NOISE_SECONDS = 20.0
# Far enough apart to be news, near enough that three sensors show one every 40 s or so.
EPISODE_GAP_SECONDS = 75.0
COOLING_SECONDS = 5.0
IMPOSSIBLE_CELSIUS = (9999.9, -300.0)

MALFORMED = malformed("sensor_id", "S1", "suhu")


class Message(NamedTuple):
    key: str
    value: bytes | None


def overheating(rng: random.Random, begin: float) -> Episode:
    return Episode(begin, rng.uniform(3, 6), rng.uniform(4, 10), rng.uniform(15, 22), COOLING_SECONDS)


def temperatures(sensor: int, step: float, seed: int) -> Iterator[float]:
    """Yield a sensor's readings in °C, one every `step` seconds; the first one overheats soon, for a demo to show."""
    rng = random.Random(f"{seed}/{sensor}")
    level = rng.uniform(68.0, 74.0)
    hour = rng.uniform(0, DAY_SECONDS)
    first = rng.uniform(3, 6) if sensor == 1 else rng.expovariate(1 / EPISODE_GAP_SECONDS)
    heat = lifts(rng, step, first, EPISODE_GAP_SECONDS, lambda begin: overheating(rng, begin))
    noise = trembling(rng, step, NOISE_CELSIUS, NOISE_SECONDS)
    for n in itertools.count():
        lift = next(heat)
        yield round(level + daily(n * step + hour, DRIFT_CELSIUS) + next(noise) + lift, 2)


def make_record(sensor_id: str, suhu: float, timestamp: float) -> bytes:
    """Return one reading as the topic carries it: degrees Celsius, epoch seconds."""
    reading = {"sensor_id": sensor_id, "suhu": suhu, "timestamp": round(timestamp, 3)}
    return json.dumps(reading, separators=(",", ":")).encode()


def messages(options: argparse.Namespace, readings: Iterator[tuple[int, float, float]]) -> Iterator[list[Message]]:
    """Turn each reading (sensor number, °C, timestamp) into what is sent for it: as a rule one message."""
    rng = random.Random(f"{options.seed}/faults")
    kinds = itertools.cycle(rng.sample(sorted(MALFORMED), len(MALFORMED)))
    for n, (sensor, suhu, timestamp) in enumerate(readings):
        late, duplicate, malformed, impossible = (rng.random() for _ in range(4))
        sensor_id = f"S{sensor}"
        seconds = n // options.sensors * step_seconds(options.rate)
        if sensor_id == options.silent and seconds >= options.silent_after:
            yield []
            continue
        if impossible < options.out_of_range:
            suhu = rng.choice(IMPOSSIBLE_CELSIUS)
        if late < options.late:
            timestamp -= options.late_seconds
        value = MALFORMED[next(kinds)] if malformed < options.malformed else make_record(sensor_id, suhu, timestamp)
        yield [Message(sensor_id, value)] * (2 if duplicate < options.duplicate else 1)


def all_readings(options: argparse.Namespace) -> Iterator[tuple[int, float, float]]:
    """Yield (sensor number, °C, timestamp) for one sensor after the other, `count` in all (0: without an end)."""
    step = step_seconds(options.rate)
    signals = [temperatures(sensor, step, options.seed) for sensor in range(1, options.sensors + 1)]
    for n in itertools.count() if options.count == 0 else range(options.count):
        turn, index = divmod(n, options.sensors)
        timestamp = time.time() if options.start is None else options.start + turn * step
        yield index + 1, next(signals[index]), timestamp


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m producers.temperature", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    sensors = "how many sensors: S1 to SN (default 3)"
    add("--sensors", type=at_least(1, int), default=3, metavar="N", help=sensors)
    rate = "readings a second of each sensor (default 1; 0: no pause)"
    add("--rate", type=at_least(0), default=1.0, metavar="N", help=rate)
    start = "timestamps run from this ISO date or epoch second (default: the clock's)"
    add("--start", type=moment, metavar="TIME", help=start)
    late = "their timestamps are --late-seconds in the past"
    add_fault = add_faults(parser, late=late, sensor="S2")
    impossible = "these say 9999.9 or -300.0 °C"
    add_fault("--out-of-range", type=share, default=0.0, metavar="SHARE", help=impossible)
    add_arguments(parser)
    options = parser.parse_args(argv)
    if options.silent and options.silent not in {f"S{n}" for n in range(1, options.sensors + 1)}:
        parser.error(f"--silent {options.silent}: there are S1 to S{options.sensors}")
    return options


def main(argv: list[str]) -> None:
    options = parse(argv)
    pause = step_seconds(options.rate) / options.sensors if options.rate else 0.0
    with Sender(
        SENSOR_SUHU,
        broker_timeout=options.broker_timeout,
        delivery_timeout=options.delivery_timeout,
        linger_ms=0 if options.rate else BULK_LINGER_MS,
        total=options.count or None,
    ) as sender:
        due = messages(options, all_readings(options))
        while sender.wait(pause) and (batch := next(due, None)) is not None:
            for message in batch:
                sender.send(message.value, message.key)


if __name__ == "__main__":
    sys.exit(run("temperature", main))
