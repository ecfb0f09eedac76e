"""What a decoder may do to the process that it runs in."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from arus.image_headers import RejectedImage


@dataclass(frozen=True)
class Told:
    """What the child tells."""

    pid: int
    text: str
    blob: bytes


def tell(data: bytes, text: str = "") -> Told:
    return Told(os.getpid(), text, data)


def reject(_data: bytes) -> Told:
    raise RejectedImage("truncated")


def fail(_data: bytes) -> Told:
    raise KeyError("no such marker")


def crash(_data: bytes) -> Told:
    os.kill(os.getpid(), signal.SIGSEGV)
    return tell(b"")


def crash_once(data: bytes) -> Told:
    """Crash where the file that `data` names is not there yet, which it then is."""
    try:
        os.mkdir(data)  # noqa: PTH102
    except FileExistsError:
        return tell(data)
    return crash(data)


def leave(_data: bytes) -> Told:
    os._exit(0)


def hang(data: bytes) -> Told:
    """Leave an empty file of the name in `data`, if there is one, and never return."""
    if data.startswith(b"/"):
        Path(data.decode()).touch()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    while True:
        time.sleep(1)


def linger(data: bytes) -> Told:
    time.sleep(1)
    return tell(data)


def hog(data: bytes) -> Told:
    return Told(os.getpid(), "", bytes(data) * 1_000_000)


def lie(_data: bytes) -> Told:
    return Told(os.getpid(), 7, b"")  # type: ignore[arg-type]


def secret(_data: bytes) -> Told:
    return Told(os.getpid(), os.environ.get("KAFKA_PASSWORD", "unknown"), b"")


def write(_data: bytes, path: str) -> Told:
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(b"x")
    return tell(b"")
