import json
from datetime import datetime, timedelta, timezone

from arus.heartbeat import BEAT_SECONDS, LONGEST_STEP_SECONDS, Heart

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
PATIENCE_SECONDS = 60
SUHU, KELEMBABAN = "suhu", "kelembaban"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def heart(rest_seconds: float = 100.0) -> Heart:
    return Heart((SUHU, KELEMBABAN), 1.0, rest_seconds)


def beats(heart: Heart, seconds: float) -> dict[str, float]:
    """Let time pass; return by how many seconds after noon each quiet side's beat is."""
    made = {}
    for key, value in heart.pass_time(seconds):
        told = json.loads(value)
        assert told.keys() == {"kind", "timestamp"}
        assert told["kind"] == key
        made[key] = told["timestamp"] - NOON.timestamp()
    return made


def test_there_are_no_beats_before_the_first_reading() -> None:
    one = heart()
    assert [beats(one, 1.0) for _ in range(5)] == [{}] * 5


def test_only_a_side_that_has_been_quiet_for_more_than_a_beat_has_one() -> None:
    one = heart()
    one.heard({SUHU: at(0), KELEMBABAN: at(0.5)})
    assert beats(one, BEAT_SECONDS) == {}
    one.heard({SUHU: at(1)})
    assert beats(one, 0.25) == {KELEMBABAN: 0.5 + 1.25}
    assert beats(one, 1.0) == {SUHU: 1 + 1.25, KELEMBABAN: 0.5 + 2.25}


def test_a_long_step_is_a_stop_and_counts_only_for_a_short_time() -> None:
    one = heart()
    one.heard({SUHU: at(0), KELEMBABAN: at(0)})
    assert beats(one, 3600.0) == {SUHU: LONGEST_STEP_SECONDS, KELEMBABAN: LONGEST_STEP_SECONDS}
    assert beats(one, 1.0) == {SUHU: LONGEST_STEP_SECONDS + 1, KELEMBABAN: LONGEST_STEP_SECONDS + 1}


def test_a_side_never_heard_begins_where_the_other_is() -> None:
    one = heart()
    one.heard({SUHU: at(7)})
    assert beats(one, 2.0) == {SUHU: 9, KELEMBABAN: 9}


def test_an_older_reading_does_not_turn_a_sides_clock_back_behind_its_newest() -> None:
    one = heart()
    one.heard({SUHU: at(50), KELEMBABAN: at(50)})
    one.heard({SUHU: at(20), KELEMBABAN: at(60)})
    assert beats(one, 2.0) == {SUHU: 52, KELEMBABAN: 62}


def test_beats_rest_when_all_sides_have_been_quiet_for_long_and_begin_again_with_a_reading() -> None:
    one = heart(rest_seconds=4.0)
    one.heard({SUHU: at(0), KELEMBABAN: at(0)})
    assert beats(one, 2.0) == {SUHU: 2, KELEMBABAN: 2}
    one.heard({KELEMBABAN: at(2)})
    assert beats(one, 3.0) == {SUHU: 5, KELEMBABAN: 5}, "one side alone does not rest"
    assert beats(one, 1.0) == {SUHU: 6, KELEMBABAN: 6}, "quiet for exactly as long is not yet long"
    assert beats(one, 0.5) == beats(one, 2.0) == {}
    one.heard({KELEMBABAN: at(9)})
    assert beats(one, 0.5) == {SUHU: 9}, "the clock of a side goes on while it rests"


# A process that has been up for long before the first reading of either side.
def test_a_side_never_heard_begins_where_the_other_is_however_long_it_took() -> None:
    one = heart()
    for _ in range(10):
        assert beats(one, 3.0) == {}
    one.heard({SUHU: at(7)})
    assert beats(one, 2.0) == {SUHU: 9, KELEMBABAN: 9}


def test_a_reading_that_is_told_of_late_has_made_its_side_quiet_since_it_came() -> None:
    one = heart()
    one.heard({SUHU: at(7), KELEMBABAN: at(8)}, {SUHU: 4.0})
    assert beats(one, 0.5) == {SUHU: 11.5}
    one.heard({SUHU: at(7)})
    assert beats(one, 0.5) == {}
