"""A thread that does something again and again while a job runs."""

import sys
import threading
import time
from collections.abc import Callable


class Ticker(threading.Thread):
    """Calls `tick` with the seconds that have passed, once in every interval, until it is stopped or the process ends.

    What a call fails of is said in the log, after the ticker's name, and the next one comes all the same.
    As a context manager it ticks meanwhile.
    """

    def __init__(self, seconds: float, tick: Callable[[float], None], name: str = "once a second") -> None:
        super().__init__(name=name, daemon=True)
        self._seconds = seconds
        self._tick = tick
        self._asked = threading.Event()

    def __enter__(self) -> "Ticker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self) -> None:
        before = time.monotonic()
        while not self._asked.wait(self._seconds):
            now = time.monotonic()
            try:
                self._tick(now - before)
            except Exception as error:
                if not self._asked.is_set():
                    print(f"{self.name}: {type(error).__name__}: {str(error).partition(chr(10))[0]}", file=sys.stderr)
            before = now

    def stop(self) -> None:
        self._asked.set()
