"""A driver without executors: none of its tasks can run, and on a cluster that has forgotten it none ever will."""

from collections.abc import Callable
from typing import Any

from arus.base.waiting import patience_seconds
from arus.listener import BatchListener


class ExecutorWatch:
    """Counts for how long a driver has had no executor; `tick` is called with the seconds that have passed.

    `give_up` is told once that lasts as long as the patience (ARUS_PATIENCE_SECONDS, by default a
    minute).
    """

    def __init__(self, count: Callable[[], int], status: BatchListener, give_up: Callable[[str], None]) -> None:
        self._count = count
        self._status = status
        self._give_up = give_up
        self._lacking_seconds = 0.0
        self._before: dict[str, Any] = {}

    def tick(self, seconds: float) -> None:
        if self._count() > 0:
            if self._before:
                self._status.note(**self._before)
            self._lacking_seconds, self._before = 0.0, {}
            return
        if not self._before:
            self._before = dict(self._status.present)
            self._status.note("waiting", f"for an executor, up to {patience_seconds():g} s: it has lost the last one")
        self._lacking_seconds += seconds
        if self._lacking_seconds >= patience_seconds():
            self._give_up(f"the cluster has left this job without an executor for {self._lacking_seconds:.0f} s")
