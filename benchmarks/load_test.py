"""Upload many images to a running server: python -m benchmarks.load_test [--rate 20] [--count 400] [--url URL].

Prints how many images a second came back resized, how long each took from its acceptance to its result, and how the
work was shared among Spark's tasks and Python workers. The server, the job image_resize and Kafka must run: `make up
ARGS="--with images"`. Where ARUS_HOME or ARUS_STORE is that of the job, the shares are read from its table.
"""

import argparse
import http.client
import itertools
import json
import math
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from arus import delta_files, home
from arus.errors import ArusError
from benchmarks import image_set

SECONDS_A_REQUEST = 60.0
# How long after the last upload its result may take.
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.05
REPORT_SECONDS = 2.0
# Images that are made at most; a longer run sends them again.
DISTINCT = 400
ACCEPTED, TOO_MANY = 202, 429


@dataclass
class Uploads:
    """What came of uploads: id -> when it was accepted (epoch seconds); `refused`: statuses other than 202."""

    begun: float = 0.0
    accepted: dict[str, float] = field(default_factory=dict)
    refused: Counter[int] = field(default_factory=Counter)
    waits: int = 0


class Uploader:
    """Sends files over kept connections, at an even rate (a second; 0: as fast as answers come)."""

    def __init__(self, url: str, files: Sequence[tuple[str, bytes]], rate: float, connections: int) -> None:
        self._address = urlsplit(url).netloc
        self._files = files
        self._rate = rate
        self._connections = connections
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._failures: list[Exception] = []
        self.found = Uploads()

    def run(self, count: int) -> Uploads:
        self.found.begun = time.time()
        threads = [threading.Thread(target=self._send, args=(count,)) for _ in range(self._connections)]
        for thread in threads:
            thread.start()
        while alive := [thread for thread in threads if thread.is_alive()]:
            alive[0].join(REPORT_SECONDS)
            print(f"\r{len(self.found.accepted):,} of {count:,} accepted", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        if self._failures:
            raise ArusError(f"an upload failed: {self._failures[0]}")
        return self.found

    def _send(self, count: int) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=SECONDS_A_REQUEST)
        while (number := next(self._numbers)) < count:
            due = self.found.begun + number / self._rate if self._rate else 0.0
            time.sleep(max(0.0, due - time.time()))
            try:
                self._upload(connection, *self._files[number % len(self._files)])
            except (OSError, http.client.HTTPException) as error:
                self._failures.append(error)
                break
        connection.close()

    def _upload(self, connection: http.client.HTTPConnection, name: str, data: bytes) -> None:
        sent, kind = form(name, data)
        while True:
            connection.request("POST", "/upload", sent, {"Content-Type": kind, "Accept": "application/json"})
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != TOO_MANY:
                break
            with self._lock:
                self.found.waits += 1
            time.sleep(float(answer.headers["Retry-After"]))
        with self._lock:
            if answer.status == ACCEPTED:
                self.found.accepted[json.loads(told)["id"]] = time.time()
            else:
                self.found.refused[answer.status] += 1


def form(name: str, data: bytes) -> tuple[bytes, str]:
    """Return a file as the body of a form, and its content type."""
    line = uuid.uuid4().hex
    shown = Path(name).name.replace('"', "%22")
    head = f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    return head.encode() + data + f"\r\n--{line}--\r\n".encode(), f"multipart/form-data; boundary={line}"


def finished(url: str, ids: Iterable[str]) -> Iterator[tuple[str, str, float]]:
    """Yield id, status and end (epoch seconds) of each upload, waiting for it; ArusError where one takes too long."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=SECONDS_A_REQUEST)
    deadline = time.monotonic() + PATIENCE_SECONDS
    for upload in ids:
        while (found := asked(connection, upload))["status"] == "waiting":
            if time.monotonic() > deadline:
                raise ArusError(f"upload {upload} waits for its result for too long: does the job image_resize run?")
            time.sleep(LOOK_SECONDS)
        ended = datetime.fromisoformat(found["finished_at"].replace("Z", "+00:00")).timestamp()
        yield upload, found["status"], ended
    connection.close()


def asked(connection: http.client.HTTPConnection, upload: str) -> dict[str, str]:
    connection.request("GET", f"/images/{upload}", headers={"Accept": "application/json"})
    answer: dict[str, str] = json.loads(connection.getresponse().read())
    return answer


@dataclass(frozen=True)
class Outcome:
    """Latencies (seconds from acceptance to result), how long everything took, and what was rejected."""

    taken: list[float]
    seconds: float
    rejected: int

    @property
    def rate(self) -> float:
        return len(self.taken) / self.seconds

    def milliseconds(self, percentile: float) -> float:
        """Return what so many per cent took at most (nearest rank)."""
        return 1000 * sorted(self.taken)[max(math.ceil(percentile / 100 * len(self.taken)) - 1, 0)]

    def __str__(self) -> str:
        points = ", ".join(f"p{point} {self.milliseconds(point):,.0f}" for point in (50, 90, 99))
        whole = f"{len(self.taken):,} images in {self.seconds:.1f} s: {self.rate:,.1f}/s"
        return f"{whole}; {points}, max {self.milliseconds(100):,.0f} ms"


def outcome(uploads: Uploads, ends: Iterable[tuple[str, str, float]]) -> Outcome:
    """Put together what was sent and what came back; a result may be there before the answer of its upload is."""
    ended = list(ends)
    taken = [max(end - uploads.accepted[upload], 0.0) for upload, _, end in ended]
    last = max((end for _, _, end in ended), default=uploads.begun)
    return Outcome(taken, last - uploads.begun, sum(status != "processed" for _, status, _ in ended))


def shares(ids: Iterable[str]) -> list[str]:
    """Return lines on who did the work, as the job's table has it; none where that is not here."""
    if delta_files.summary("resized").error:
        return []
    wanted, deadline = set(ids), time.monotonic() + PATIENCE_SECONDS
    # A result is there a little before its row.
    while len(mine := rows_of(wanted)) < len(wanted) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    workers = Counter(f"{row['host']} pid {row['pid']}" for row in mine)
    tasks = Counter(row["task"] for row in mine)
    lines = [f"  {name}: {count:,} images, {count / len(mine):.0%}" for name, count in sorted(workers.items())]
    most = f"; the largest took {max(tasks.values())}" if tasks else ""
    return [f"{len(workers)} Python workers, {len(tasks):,} tasks{most}:", *lines]


def rows_of(ids: set[str]) -> list[dict[str, Any]]:
    rows = delta_files.opened("resized").to_pyarrow_table(columns=["id", "host", "pid", "task"]).to_pylist()
    return [row for row in rows if row["id"] in ids]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load_test", description=__doc__)
    parser.add_argument("--url", default=f"http://127.0.0.1:{home.server_port()}", help="default: %(default)s")
    parser.add_argument("--count", type=int, default=400, help="images to upload; default: %(default)s")
    parser.add_argument("--rate", type=float, default=0.0, help="images a second; default: as fast as answers come")
    parser.add_argument("--connections", type=int, default=8, help="default: %(default)s")
    options = parser.parse_args(argv)
    files = list(image_set.mixed(min(options.count, DISTINCT)))
    try:
        uploads = Uploader(options.url, files, options.rate, options.connections).run(options.count)
        found = outcome(uploads, finished(options.url, uploads.accepted))
    except (ArusError, OSError) as error:
        print(f"load_test: {options.url}: {error}", file=sys.stderr)
        return 1
    print(f"{found}; {found.rejected} rejected, {uploads.refused.total()} refused, {uploads.waits} told to wait")
    print("\n".join(shares(uploads.accepted)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
