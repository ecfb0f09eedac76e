"""What makes time go on where no reading comes: a beat in a topic for each side of a join that has gone quiet.

A watermark moves with the readings only: where a side stops, it stands still, and what waits for a partner would wait
for ever. A beat carries on a quiet side's event time as the wall clock runs, and flows through Kafka like a reading, so
that a micro-batch that is done again sees the same beats.
"""

import json
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

BEAT_SECONDS = 1.0
# Time between two beats counts up to here. More is a stop of the broker, of this process or of the machine: a time in
# which nobody could have been heard.
LONGEST_STEP_SECONDS = 3.0


class Side:
    """One side's event time: that of its newest reading, and for how many seconds it has been quiet since."""

    def __init__(self) -> None:
        self.newest: datetime | None = None
        self.quiet = 0.0

    def clock(self) -> datetime | None:
        return self.newest + timedelta(seconds=self.quiet) if self.newest else None


class Heart:
    """The beats of each side that has been quiet for `quiet_seconds`, until all have been so for `rest_seconds`."""

    def __init__(self, kinds: tuple[str, ...], quiet_seconds: float, rest_seconds: float) -> None:
        self._sides = {kind: Side() for kind in kinds}
        self._quiet_seconds = quiet_seconds
        self._rest_seconds = rest_seconds
        self._lock = threading.Lock()

    def heard(self, newest: Mapping[str, datetime], ages: Mapping[str, float] = MappingProxyType({})) -> None:
        """Take the newest event time of each side in a micro-batch, and how many seconds ago it last said something.

        A side never heard begins where the other is.
        """
        with self._lock:
            for kind, moment in newest.items():
                side = self._sides[kind]
                side.newest = max(side.newest, moment) if side.newest else moment
                side.quiet = ages.get(kind, 0.0)
            known = [side.newest for side in self._sides.values() if side.newest]
            for side in self._sides.values():
                if known and not side.newest:
                    side.newest, side.quiet = max(known), 0.0

    def pass_time(self, seconds: float) -> list[tuple[str, str]]:
        """Let time pass, and return the beats (key, value) of the sides that are quiet."""
        with self._lock:
            for side in self._sides.values():
                side.quiet += min(seconds, LONGEST_STEP_SECONDS)
            if all(side.quiet > self._rest_seconds for side in self._sides.values()):
                return []
            return [
                (kind, json.dumps({"kind": kind, "timestamp": clock.timestamp()}))
                for kind, side in self._sides.items()
                if side.quiet > self._quiet_seconds and (clock := side.clock())
            ]
