"""What can be said of sending without a broker: pacing, progress, options, and a broker that never comes."""

import argparse
import socket
from pathlib import Path

import pytest

from arus.errors import ArusError
from arus.pace import Pace
from arus.producing import at_least
from arus.progress import bar, duration, summary
from arus.sending import Sender


class FakeTime:
    """A clock that stands still between sleeps; every sleep is a tenth of a millisecond too long, as real ones are."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + 0.0001


def test_a_pace_keeps_its_average_although_every_sleep_is_too_long() -> None:
    time = FakeTime()
    pace = Pace(time.sleep, time.clock)
    for _ in range(1000):
        pace.wait(0.001)
    assert time.now == pytest.approx(101.0001)


def test_a_pace_takes_the_time_spent_elsewhere_off_the_next_sleep() -> None:
    time = FakeTime()
    pace = Pace(time.sleep, time.clock)
    pace.wait(1.0)
    time.now += 0.75
    pace.wait(1.0)
    assert time.now == pytest.approx(102.0001)


def test_a_pace_that_fell_behind_catches_up_without_sleeping() -> None:
    time = FakeTime()
    pace = Pace(time.sleep, time.clock)
    time.now += 10.0
    for _ in range(9):
        pace.wait(1.0)
    assert time.now == 110.0


def test_no_pause_never_sleeps() -> None:
    time = FakeTime()
    pace = Pace(time.sleep, time.clock)
    for _ in range(1000):
        pace.wait(0.0)
    assert time.now == 100.0


def test_the_summary_counts_every_message_and_rates_the_acknowledged() -> None:
    assert summary(12, 10, 2, 4.0) == "sent 12, acked 10, failed 2 in 4.0 s (2/s)"


def test_the_bar_shows_share_and_time_left() -> None:
    assert bar(250, 1000, 10.0) == "[######..................] 25.0% of 1000, 1:15 left: "


def test_the_bar_has_no_time_left_while_nothing_moves() -> None:
    assert bar(0, 1000, 0.0) == "[........................] 0.0% of 1000: "


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (75, "1:15"), (3661, "1:01:01")])
def test_durations_read_as_clocks(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "fast", ""])
def test_an_option_refuses_what_is_no_number_from_its_minimum_up(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is not a number of at least 0"):
        at_least(0)(text)


def test_an_option_takes_its_minimum() -> None:
    assert at_least(1, int)("1") == 1


def test_a_broker_that_never_comes_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as unserved:
        unserved.bind(("127.0.0.1", 0))
        address = f"localhost:{unserved.getsockname()[1]}"
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
        monkeypatch.setenv("ARUS_HOME", str(tmp_path / "a home"))
        with pytest.raises(ArusError) as failure, Sender("sensor-suhu", broker_timeout=1.0):
            pass
    message = str(failure.value)
    remedy = "`python -m arus broker start`"
    assert message == f"Kafka at {address} did not answer within 1 s (TimeoutError: nobody listens there): {remedy}"
