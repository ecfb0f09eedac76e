import itertools
import json
import random
import statistics
from collections import Counter, defaultdict
from typing import Any

import pytest

from arus.schemas import SENSOR_KELEMBABAN_GUDANG, SENSOR_SUHU_GUDANG
from producers.warehouse_data import KINDS, MALFORMED, Event, Faults, failed_cooler, make_record, readings, signal

NOON = 1_732_190_400.0
EVERY_FAULT = Faults(missing=0.1, malformed=0.1, late=0.1, out_of_order=0.1, duplicate=0.1, silent="G2:kelembaban")
THRESHOLDS = {"suhu": 80.0, "kelembaban": 70.0}


def events(count: int, faults: Faults = Faults(), **options: Any) -> list[Event]:  # noqa: B008
    return list(readings(count=count, faults=faults, **{"seed": 7, "start": NOON, **options}))


def shown(kind: str, seconds: int, warehouse: int = 1, seed: int = 7) -> list[float]:
    return list(itertools.islice(signal(warehouse, kind, 1.0, seed), seconds))


def only(share: str) -> Faults:
    named: dict[str, Any] = {share: 0.2}
    return Faults(**named)


def test_a_record_has_the_fields_of_its_topic() -> None:
    assert make_record("G1", "suhu", 81.2, NOON + 0.25) == b'{"gudang_id":"G1","suhu":81.2,"timestamp":1732190400.25}'
    assert (
        make_record("G2", "kelembaban", 65.0, NOON) == b'{"gudang_id":"G2","kelembaban":65.0,"timestamp":1732190400.0}'
    )


def test_sensors_take_turns_each_to_its_topic_under_the_key_of_its_warehouse() -> None:
    suhu, kelembaban = SENSOR_SUHU_GUDANG, SENSOR_KELEMBABAN_GUDANG
    turn = [(topic, key) for key in ("G1", "G2", "G3") for topic in (suhu, kelembaban)]
    made = events(12)
    assert [(event.topic, event.key) for event in made] == turn * 2
    for event in made:
        record = json.loads(event.value or b"")
        assert record == {"gudang_id": event.key, event.kind: event.reading, "timestamp": event.timestamp}
        assert KINDS[event.kind].topic == event.topic


def test_readings_are_spread_over_the_time_between_two_of_one_sensor() -> None:
    made = events(5, warehouses=1, rate=4.0)
    assert [event.timestamp - NOON for event in made] == [0.0, 0.125, 0.25, 0.375, 0.5]
    assert [event.send_after for event in made] == [0.0, 0.125, 0.25, 0.375, 0.5]


def test_as_fast_as_possible_the_timestamps_still_advance_by_a_second() -> None:
    assert [event.timestamp - NOON for event in events(4, warehouses=1, rate=0.0)] == [0.0, 0.5, 1.0, 1.5]


def test_the_same_seed_gives_the_same_events_and_another_start_only_other_timestamps() -> None:
    def lasting(start: float) -> list[tuple[Any, ...]]:
        made = events(3000, EVERY_FAULT, start=start)
        return [(*event[:2], *event[3:6], round(event.timestamp - start, 3), *event[7:]) for event in made]

    assert events(3000, EVERY_FAULT) == events(3000, EVERY_FAULT)
    assert lasting(0.0) == lasting(NOON)


def test_another_seed_gives_other_readings_and_other_faults() -> None:
    one, other = (events(300, EVERY_FAULT, seed=seed) for seed in (1, 2))
    assert [event.reading for event in one] != [event.reading for event in other]
    assert Counter(event.fault for event in one) != Counter(event.fault for event in other)


def test_more_warehouses_change_nothing_for_the_first() -> None:
    few, many = events(100, EVERY_FAULT, warehouses=1), events(500, EVERY_FAULT, warehouses=5)
    of_many = sorted((e.kind, e.reading, e.fault or "") for e in many if e.key == "G1")
    assert sorted((e.kind, e.reading, e.fault or "") for e in few) == of_many


@pytest.mark.parametrize("kind", KINDS)
def test_a_sensor_stays_within_its_scale_and_mostly_below_the_threshold(kind: str) -> None:
    for seed, warehouse in itertools.product(range(3), (1, 2, 3)):
        values = shown(kind, 3600, warehouse, seed)
        least, most = KINDS[kind].least, KINDS[kind].most
        assert least <= min(values)
        assert max(values) <= most
        assert sum(value in (least, most) for value in values) < 40, "it is stuck at an end of its scale"
        assert least < statistics.median(values) < THRESHOLDS[kind]


def test_every_combination_of_the_two_thresholds_occurs_within_an_hour() -> None:
    pairs = [zip(shown("suhu", 3600, n), shown("kelembaban", 3600, n), strict=True) for n in (1, 2, 3)]
    seen = Counter((suhu > 80.0, humid > 70.0) for suhu, humid in itertools.chain.from_iterable(pairs))
    assert len(seen) == 4
    assert seen[False, False] > 3600


@pytest.mark.parametrize("seed", range(50))
def test_a_demo_shows_both_warnings_within_half_a_minute(seed: int) -> None:
    assert max(shown("suhu", 32, seed=seed)) > 80.0
    assert max(shown("kelembaban", 32, seed=seed)) > 70.0


def test_an_open_door_lifts_both_readings_at_once_and_they_fall_again() -> None:
    suhu, humid = shown("suhu", 7200), shown("kelembaban", 7200)
    open_door = [value > 70.0 for value in humid]
    openings = sum(now and not before for before, now in itertools.pairwise(open_door))
    with_door = statistics.mean(itertools.compress(suhu, open_door))
    assert 5 <= openings <= 150
    assert with_door - statistics.median(suhu) > 3.0


def test_a_failing_cooler_lifts_the_temperature_alone_and_for_minutes() -> None:
    suhu, humid = shown("suhu", 4 * 3600), shown("kelembaban", 4 * 3600)
    usual, dry = statistics.median(suhu), statistics.median(humid)
    failing = [hot - usual > 2.5 and damp - dry < 2.0 for hot, damp in zip(suhu, humid, strict=True)]
    assert max(len(list(run)) for state, run in itertools.groupby(failing) if state) > 60
    cooler = failed_cooler(random.Random(1), 0.0)
    assert cooler.at(60.0) < cooler.lift / 2
    assert cooler.at(cooler.end()) < 0.02


@pytest.mark.parametrize("share", Faults().shares())
def test_a_fault_comes_in_its_share_and_alone(share: str) -> None:
    found = Counter(event.fault for event in events(3000, only(share.replace("-", "_"))))
    assert set(found) == {None, share}
    assert 0.17 < found[share] / 3000 < 0.23


def test_every_fault_keeps_its_share_among_the_others() -> None:
    found = Counter(event.fault for event in events(6000, EVERY_FAULT._replace(silent=None)))
    assert all(0.085 < found[fault] / 6000 < 0.115 for fault in Faults().shares())


def test_faults_change_no_reading() -> None:
    def read(faults: Faults) -> list[tuple[str, str, float, float]]:
        return sorted({(e.key, e.kind, e.timestamp, e.reading) for e in events(1200, faults)})

    assert len(read(Faults())) == 1200
    assert read(EVERY_FAULT) == read(Faults())


def test_events_come_in_the_order_of_sending() -> None:
    due = [event.send_after for event in events(3000, EVERY_FAULT)]
    assert due == sorted(due)


@pytest.mark.parametrize(("share", "seconds"), [("late", 30.0), ("out_of_order", 3.0)])
def test_what_is_held_back_keeps_its_timestamp_and_comes_after_newer_readings(share: str, seconds: float) -> None:
    newest: dict[tuple[str, str], float] = defaultdict(float)
    behind = []
    for event in events(3000, only(share)):
        delay = event.send_after - (event.timestamp - NOON)
        assert delay == pytest.approx(seconds if event.fault else 0.0, abs=0.001)
        sensor = event.key, event.kind
        behind.append(event.timestamp < newest[sensor])
        assert event.fault or not behind[-1]
        newest[sensor] = max(newest[sensor], event.timestamp)
    assert 0.15 < sum(behind) / 3000 < 0.23


def test_a_duplicate_follows_its_original_byte_for_byte() -> None:
    twice = events(3000, only("duplicate"))
    originals = [event for event in twice if event.fault is None]
    assert originals == events(3000)
    for before, event in itertools.pairwise(twice):
        if event.fault:
            assert event._replace(fault=None) == before


def test_what_is_missing_is_in_the_truth_but_not_sent() -> None:
    made = events(3000, only("missing"))
    assert len(made) == 3000
    assert all(event.sent == (event.fault is None) for event in made)


def test_a_silent_sensor_is_heard_until_its_time_and_its_readings_stay_in_the_truth() -> None:
    made = events(60, Faults(silent="G2:kelembaban", silent_after=4.0))
    heard = Counter(f"{event.key}:{event.kind}" for event in made if event.sent)
    assert heard == {f"{key}:{kind}": 10 for key in ("G1", "G2", "G3") for kind in KINDS} | {"G2:kelembaban": 4}
    assert [event.fault for event in made if not event.sent] == ["silent"] * 6


def test_malformed_values_come_in_every_way_on_both_topics_and_are_named() -> None:
    made = [event for event in events(3000, only("malformed")) if event.fault]
    assert {(event.kind, event.malformed) for event in made} == {(k, name) for k in KINDS for name in MALFORMED[k]}
    assert all(event.value == MALFORMED[event.kind][event.malformed or ""] for event in made)


@pytest.mark.parametrize("kind", KINDS)
def test_every_malformed_way_is_another_one(kind: str) -> None:
    ways = MALFORMED[kind]
    assert len(set(ways.values())) == len(ways)
    assert json.loads(ways[f"null_{kind}"] or b"") == {"gudang_id": "G1", kind: None, "timestamp": NOON}
    assert kind not in json.loads(ways["other_kind"] or b"")
    assert ways["invalid_utf8"] == b'{"gudang_id":"G\xff\xfe1","%s":70.0,"timestamp":1732190400.0}' % kind.encode()


def test_the_truth_says_what_was_sent_and_what_became_of_it() -> None:
    for event in events(3000, EVERY_FAULT):
        truth = json.loads(event.truth())
        assert list(truth) == ["topic", "gudang_id", "kind", "value", "timestamp", "fault", "malformed"]
        assert truth["fault"] == event.fault
        assert (truth["malformed"] is None) == (event.fault != "malformed")
        if event.fault != "malformed":
            record = {"gudang_id": truth["gudang_id"], truth["kind"]: truth["value"], "timestamp": truth["timestamp"]}
            assert json.loads(event.value or b"") == record


def test_without_a_count_there_is_no_end() -> None:
    assert list(itertools.islice(readings(seed=7, start=NOON), 50)) == events(50)
