"""How much is let in: what may wait for the job, how often one address may ask, and who may be slow."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from server import store

LOOK_SECONDS = 1.0
MOST_ADDRESSES = 10_000


@dataclass(frozen=True)
class Limits:
    """Uploads that may wait for the job, in number and bytes; requests an address may make, in each worker process."""

    waiting_files: int = 1_000
    waiting_bytes: int = 500_000_000
    requests_per_second: float = 100.0
    requests_at_once: int = 500


class Backlog:
    """What waits for the job, of all workers: the files of `storage/waiting`, looked through at most once a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked = -LOOK_SECONDS
        self._files = self._bytes = 0

    def add(self, upload: store.Upload) -> None:
        store.mark_waiting(upload)
        with self._lock:
            self._files += 1
            self._bytes += upload.bytes

    def size(self) -> tuple[int, int]:
        """Return the number of files and of bytes that wait."""
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self._files, self._bytes = _look()
                self._looked = time.monotonic()
            return self._files, self._bytes


def _look() -> tuple[int, int]:
    """Forget what has its answer; return the number of files and of bytes of the others."""
    files = size = 0
    folder = store.folder("waiting")
    for mark in folder.iterdir() if folder.is_dir() else ():
        upload_id, _, length = mark.name.partition(".")
        if not store.ID.fullmatch(upload_id) or not length.isdecimal():
            continue
        if store.answered(upload_id):
            mark.unlink(missing_ok=True)
        else:
            files, size = files + 1, size + int(length)
    return files, size


class Buckets:
    """A token bucket for each address: so many requests at once, and then so many a second."""

    def __init__(self, per_second: float, at_once: int) -> None:
        self._per_second, self._at_once = per_second, at_once
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float) -> float:
        """Return 0 where a request at this time (monotonic seconds) is within the limits, else the seconds to wait."""
        with self._lock:
            left, since = self._left.pop(address, (float(self._at_once), now))
            left = min(self._at_once, left + (now - since) * self._per_second)
            self._left[address] = (left - 1 if left >= 1 else left, now)
            if len(self._left) > MOST_ADDRESSES:
                self._left.popitem(last=False)
            return 0.0 if left >= 1 else (1 - left) / self._per_second
