"""A wish to stop, by SIGTERM or Ctrl-C, as the driver's JVM hears it and passes it on to the Python that drives it."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress

from arus.streaming.spark_internals import add_shutdown_hook

# A stop waits this long for the running micro-batch; what it cuts off is done again at the next
# start.
STOP_PATIENCE_SECONDS = 6.0
# Spark's own hook, which ends the session, has 50.
HOOK_PRIORITY = 1000
# Of a program that was interrupted.
EXIT_CODE = 130


class StopRequest:
    """The JVM's first shutdown hook: it waits until the queries have stopped and `done` is set."""

    class Java:
        implements = ("java.lang.Runnable",)

    def __init__(self, job: str) -> None:
        self.asked = threading.Event()
        self.done = threading.Event()
        # Hears what state the job is in: BatchListener.note, once there is one.
        self.note: Callable[..., None] = lambda *_, **__: None
        self._job = job
        self._is_running = False
        add_shutdown_hook(self, HOOK_PRIORITY)

    def take_over(self) -> None:
        """From now on queries run: a stop is theirs to make. Before, there is nothing to put in order."""
        self._is_running = True

    def run(self) -> None:
        # Nobody may read any more what this says: the next program of a pipe may have ended first.
        if self.done.is_set():
            return
        self.asked.set()
        with suppress(OSError):
            self.note("stopping" if self._is_running else "stopped")
            what = "stopping, after what it is at ..." if self._is_running else "stopped before it had begun"
            print(f"{self._job}: {what}", flush=True)
        if not self._is_running:
            os._exit(EXIT_CODE)
        self.done.wait(STOP_PATIENCE_SECONDS + 2)

    def hashCode(self) -> int:  # noqa: N802
        return id(self) & 0x7FFFFFFF

    def equals(self, other: object) -> bool:
        return self is other

    def toString(self) -> str:  # noqa: N802
        return "arus stop request"
