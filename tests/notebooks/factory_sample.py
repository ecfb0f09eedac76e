"""Small factory tables as the job would have made them, from plain rows."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests.arus.delta_tables import JOB, Row, append, rejected

START = datetime(2026, 1, 2, 3, 4, 5, 250_000, timezone.utc)
LIMIT = 80.0
# One in so many readings has a time that could not be used.
FAULTY = 100


def readings(sensors: Sequence[str], seconds: int, seed: int = 1) -> list[Row]:
    """Return a reading a second of each sensor; each next one is a little hotter."""
    draw = random.Random(seed)
    return [
        {
            "sensor_id": name,
            "suhu": draw.gauss(72 + place, 3),
            "event_time": START + timedelta(seconds=second),
            "topic": "sensor-suhu",
            "partition": 0,
            "offset": second * len(sensors) + place,
            "time_fault": None if second % FAULTY else f"absurd-time:timestamp={second}",
        }
        for second in range(seconds)
        for place, name in enumerate(sensors)
    ]


def alerts(rows: Sequence[Row]) -> list[Row]:
    hot = [row for row in rows if row["suhu"] > LIMIT]
    return [{**row, "alert_id": f"sensor-suhu-0-{row['offset']}"} for row in hot]


def fill(home: Path, rows: Sequence[Row]) -> None:
    """Make all tables in a home, from its readings."""
    append(home, "sensor_suhu", list(rows))
    append(home, "peringatan_suhu", alerts(rows))
    reasons = ["not-json", "missing:suhu", "not-json"]
    append(home, f"rejects/{JOB}", [rejected(at, b"{", why) for at, why in enumerate(reasons)])
