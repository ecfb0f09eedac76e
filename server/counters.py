"""What the server counts, in memory that all its workers share: each writes its own row, a reader sums the rows.

So a counter never falls, whichever worker is asked and although workers are replaced: the next one goes on in the row.
"""

import mmap
import os
import threading
from bisect import bisect_left
from collections.abc import Iterator

MOST_ROUTES = 64
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "other")
STATUSES = (
    *(
        "200",
        "202",
        "204",
        "206",
        "303",
        "304",
        "308",
        "400",
        "401",
        "403",
        "404",
        "405",
        "406",
        "408",
        "409",
        "411",
        "412",
        "413",
    ),
    *("414", "415", "416", "421", "422", "429", "431", "500", "503", "other"),
)
BUCKET_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
UPLOAD_EVENTS = ("upload_accepted", "upload_refused", "upload_unsent")
EVENTS = ("load", "refusal", *UPLOAD_EVENTS)
UNMATCHED = "unmatched"

_REQUESTS = len(METHODS) * len(STATUSES)
# Behind the counts by method and status: the histogram with its last, open bucket, and the sum of seconds.
_PER_ROUTE = _REQUESTS + len(BUCKET_SECONDS) + 2
_PID = MOST_ROUTES * _PER_ROUTE + len(EVENTS)
_ROW = _PID + 1
_BYTES = 8


class Counters:
    """`rows` rows of doubles; create it before the workers are forked, and `claim` a row in each."""

    def __init__(self, rows: int = 1) -> None:
        self._rows = rows
        self._cells = memoryview(mmap.mmap(-1, rows * _ROW * _BYTES)).cast("d")
        self._lock = threading.Lock()
        self._routes: dict[str, int] = {UNMATCHED: 0}
        self._places: dict[tuple[str, str, str], int] = {}
        self.claim(0)

    def claim(self, row: int) -> None:
        """Write into this row from now on."""
        self._start = row * _ROW
        self._lock = threading.Lock()
        self._cells[self._start + _PID] = os.getpid()

    def name_routes(self, routes: list[str]) -> None:
        """Give each route its place; all workers name the same routes in the same order."""
        if len(routes) >= MOST_ROUTES:
            raise ValueError(f"{len(routes)} routes, but room for {MOST_ROUTES - 1}")
        self._routes = {route: place for place, route in enumerate([UNMATCHED, *routes])}

    def count_request(self, route: str, method: str, status: str, seconds: float) -> None:
        key = (route, method, status)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = self._place(*key)
        first = self._start + self._routes.get(route, 0) * _PER_ROUTE + _REQUESTS
        bucket = first + bisect_left(BUCKET_SECONDS, seconds)
        cells = self._cells
        with self._lock:
            cells[self._start + place] += 1
            cells[bucket] += 1
            cells[first + len(BUCKET_SECONDS) + 1] += seconds

    def count_event(self, event: str) -> None:
        with self._lock:
            self._cells[self._start + MOST_ROUTES * _PER_ROUTE + EVENTS.index(event)] += 1

    def requests(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield route, method, status and count, of all workers together."""
        for route in self._routes:
            for method in METHODS:
                for status in STATUSES:
                    if count := self._sum(self._place(route, method, status)):
                        yield route, method, status, int(count)

    def durations(self) -> Iterator[tuple[str, list[int], float]]:
        """Yield each route with the counts of its buckets, the last one open, and the sum of seconds."""
        for route, place in self._routes.items():
            first = place * _PER_ROUTE + _REQUESTS
            counts = [int(self._sum(first + bucket)) for bucket in range(len(BUCKET_SECONDS) + 1)]
            if any(counts):
                yield route, counts, self._sum(first + len(BUCKET_SECONDS) + 1)

    def events(self) -> dict[str, int]:
        return {event: int(self._sum(MOST_ROUTES * _PER_ROUTE + place)) for place, event in enumerate(EVENTS)}

    def pids(self) -> list[int]:
        """Return the process of each row that was ever claimed; one that was replaced may be gone."""
        found = {int(self._cells[row * _ROW + _PID]) for row in range(self._rows)}
        return sorted(found - {0})

    def _place(self, route: str, method: str, status: str) -> int:
        method = method if method in METHODS else "other"
        status = status if status in STATUSES else "other"
        by_status = METHODS.index(method) * len(STATUSES) + STATUSES.index(status)
        return self._routes.get(route, 0) * _PER_ROUTE + by_status

    def _sum(self, place: int) -> float:
        return sum(self._cells[row * _ROW + place] for row in range(self._rows))
