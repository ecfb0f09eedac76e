"""What a thread that ticks tells, and that nothing but a stop ends it."""

import threading
import time

import pytest

from arus.streaming.ticker import Ticker

PATIENCE_SECONDS = 60


def test_the_ticker_tells_how_long_it_was_and_goes_on_after_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    passed: list[float] = []
    enough = threading.Event()

    def tick(seconds: float) -> None:
        passed.append(seconds)
        if len(passed) == 4:
            enough.set()
        if len(passed) == 1:
            raise ValueError("no broker\nat all")

    begun = time.monotonic()
    ticker = Ticker(0.01, tick)
    ticker.start()
    assert enough.wait(PATIENCE_SECONDS)
    ticker.stop()
    ticker.join(PATIENCE_SECONDS)
    assert not ticker.is_alive()
    assert min(passed) >= 0.01
    assert sum(passed) <= time.monotonic() - begun, "each second counts once"
    assert capsys.readouterr().err == "once a second: ValueError: no broker\n"


# A failure without a text, as TimeoutError() is: nothing to take a first line of.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_ticker_goes_on_after_a_failure_that_says_nothing() -> None:
    again = threading.Event()
    calls: list[float] = []

    def tick(seconds: float) -> None:
        calls.append(seconds)
        if len(calls) == 1:
            raise TimeoutError
        again.set()

    ticker = Ticker(0.01, tick)
    ticker.start()
    ticker.join(0.5)
    went_on = again.wait(0)
    ticker.stop()
    assert went_on


def test_a_ticker_that_is_stopped_says_nothing_of_the_call_it_cuts_off(capsys: pytest.CaptureFixture[str]) -> None:
    entered, stopped = threading.Event(), threading.Event()

    def tick(_: float) -> None:
        entered.set()
        stopped.wait(PATIENCE_SECONDS)
        raise ConnectionError("the session is closed")

    ticker = Ticker(0.01, tick)
    ticker.start()
    assert entered.wait(PATIENCE_SECONDS)
    ticker.stop()
    stopped.set()
    ticker.join(PATIENCE_SECONDS)
    assert not ticker.is_alive()
    assert capsys.readouterr().err == ""
