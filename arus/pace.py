"""When the next message is due."""

import time
from collections.abc import Callable


class Pace:
    """Sleeps between messages, less by what was spent elsewhere, so that the average rate does not drift."""

    def __init__(
        self, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._due = clock()

    def wait(self, seconds: float) -> None:
        """Return `seconds` after the last message was due, at once if that has passed."""
        self._due += seconds
        left = self._due - self._clock()
        if left > 0:
            self._sleep(left)
