import itertools
import json
import statistics
from collections import Counter
from typing import Any

import pytest

from arus.producing import moment
from producers.temperature import (
    IMPOSSIBLE_CELSIUS,
    MALFORMED,
    Message,
    all_readings,
    make_record,
    messages,
    parse,
    temperatures,
)

NOON = 1_732_190_400.0
PLAIN = ["--seed", "7", "--start", str(NOON)]


def sent(*options: str) -> list[Message]:
    parsed = parse([*PLAIN, *options])
    return list(itertools.chain.from_iterable(messages(parsed, all_readings(parsed))))


def decoded(sent_messages: list[Message]) -> list[dict[str, Any]]:
    return [json.loads(message.value or b"") for message in sent_messages]


def test_a_record_has_the_fields_of_the_topic() -> None:
    assert make_record("S1", 70.25, NOON + 0.5) == b'{"sensor_id":"S1","suhu":70.25,"timestamp":1732190400.5}'


def test_sensors_take_turns_under_their_own_key() -> None:
    readings = sent("--count", "5")
    assert [message.key for message in readings] == ["S1", "S2", "S3", "S1", "S2"]
    assert [reading["sensor_id"] for reading in decoded(readings)] == ["S1", "S2", "S3", "S1", "S2"]


def test_timestamps_advance_by_the_rate_from_the_start() -> None:
    readings = decoded(sent("--count", "4", "--sensors", "2", "--rate", "4"))
    assert [reading["timestamp"] - NOON for reading in readings] == [0.0, 0.0, 0.25, 0.25]


def test_the_same_seed_gives_the_same_messages() -> None:
    faults = ["--count", "2000", "--late", "0.1", "--duplicate", "0.1", "--malformed", "0.1", "--out-of-range", "0.1"]
    assert sent(*faults) == sent(*faults)


def test_another_seed_gives_other_readings() -> None:
    first, second = (list(itertools.islice(temperatures(1, 1.0, seed), 20)) for seed in (1, 2))
    assert first != second


@pytest.mark.parametrize("seed", range(50))
def test_a_demo_shows_an_alert_within_fifteen_seconds(seed: int) -> None:
    assert max(itertools.islice(temperatures(1, 1.0, seed), 15)) > 80.0


@pytest.mark.parametrize("sensor", [1, 2, 3])
def test_a_sensor_overheats_now_and_then_and_is_cool_otherwise(sensor: int) -> None:
    hour = list(itertools.islice(temperatures(sensor, 1.0, 7), 3600))
    hot = [celsius > 80.0 for celsius in hour]
    episodes = sum(now and not before for before, now in itertools.pairwise(hot))
    assert 10 <= episodes <= 80
    assert 65.0 < statistics.median(hour) < 78.0


def test_late_readings_carry_an_older_timestamp() -> None:
    stamps = [
        reading["timestamp"] for reading in decoded(sent("--count", "3000", "--late", "0.2", "--late-seconds", "5000"))
    ]
    late = sum(stamp < NOON for stamp in stamps)
    assert 0.17 < late / 3000 < 0.23


def test_duplicates_follow_their_original_byte_for_byte() -> None:
    once, twice = sent("--count", "3000"), sent("--count", "3000", "--duplicate", "0.2")
    assert [message for message, _ in itertools.groupby(twice)] == once
    assert 0.17 < len(twice) / 3000 - 1 < 0.23


def test_impossible_readings_are_far_outside_the_range_of_a_sensor() -> None:
    readings = Counter(reading["suhu"] for reading in decoded(sent("--count", "3000", "--out-of-range", "0.2")))
    assert all(readings[celsius] > 200 for celsius in IMPOSSIBLE_CELSIUS)
    assert 0.17 < sum(readings[celsius] for celsius in IMPOSSIBLE_CELSIUS) / 3000 < 0.23


def test_malformed_values_come_in_every_kind_and_in_their_share() -> None:
    values = [message.value for message in sent("--count", "3000", "--malformed", "0.2")]
    malformed = [value for value in values if value in MALFORMED.values()]
    assert set(malformed) == set(MALFORMED.values())
    assert 0.17 < len(malformed) / 3000 < 0.23


def test_every_malformed_kind_is_another_one() -> None:
    assert len(set(MALFORMED.values())) == len(MALFORMED)


@pytest.mark.parametrize("kind", ["empty", "blank", "invalid_utf8", "truncated", "trailing_bytes", "not_json"])
def test_what_is_called_no_json_is_none(kind: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Extra data|codec can't decode"):
        json.loads(MALFORMED[kind] or b"")


def test_a_silent_sensor_is_heard_until_its_time() -> None:
    heard = Counter(message.key for message in sent("--count", "30", "--silent", "S2", "--silent-after", "4"))
    assert heard == {"S1": 10, "S2": 4, "S3": 10}


def test_an_unknown_silent_sensor_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--silent", "S9"])
    assert "--silent S9: there are S1 to S3" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["1732190400", "2024-11-21T12:00:00Z", "2024-11-21T12:00:00", "2024-11-21T19:00:00+07:00"]
)
def test_a_start_may_be_written_in_seconds_or_as_a_date(text: str) -> None:
    assert moment(text) == NOON


def test_a_share_above_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--late", "1.5"])
    assert "'1.5' is not a share between 0 and 1" in capsys.readouterr().err
