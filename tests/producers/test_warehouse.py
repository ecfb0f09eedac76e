import time
from collections import defaultdict
from pathlib import Path

import pytest

from arus.errors import ArusError
from arus.schemas import SENSOR_KELEMBABAN_GUDANG, SENSOR_SUHU_GUDANG
from producers.warehouse import faults_of, first_time, open_truth, parse
from producers.warehouse_data import Faults
from tests.conftest import Broker
from tests.producers.test_producers_e2e import counts, end_offsets, outcome, producer, received
from tests.producers.test_warehouse_data import EVERY_FAULT, NOON, events


def test_the_options_are_the_faults() -> None:
    options = "--late 0.1 --late-seconds 60 --out-of-order 0.2 --out-of-order-seconds 2 --duplicate 0.3 --missing 0.1"
    rest = "--malformed 0.3 --silent G4:suhu --silent-after 9 --warehouses 4"
    assert faults_of(parse([*options.split(), *rest.split()])) == Faults(
        missing=0.1,
        malformed=0.3,
        late=0.1,
        out_of_order=0.2,
        duplicate=0.3,
        late_seconds=60.0,
        out_of_order_seconds=2.0,
        silent="G4:suhu",
        silent_after=9.0,
    )
    assert faults_of(parse([])) == Faults()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--silent G4:suhu", "--silent G4:suhu: there are G1 to G3, each with suhu and kelembaban"),
        ("--silent G1", "--silent G1: there are G1 to G3"),
        ("--late 0.6 --missing 0.5", "add up to more than 1"),
        ("--warehouses 0", "'0' is not a whole number of at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(options: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(options.split())
    assert said in capsys.readouterr().err


def test_readings_without_a_pause_end_now_and_are_not_ahead_of_the_clock() -> None:
    def before_now(*argv: str) -> float:
        return time.time() - first_time(parse(list(argv)))

    assert before_now("--count", "600") == pytest.approx(0, abs=5)
    assert before_now("--rate", "0", "--count", "600") == pytest.approx(100, abs=5)
    assert before_now("--rate", "0", "--count", "600", "--warehouses", "30") == pytest.approx(10, abs=5)
    assert before_now("--rate", "0", "--start", "5", "--count", "600") == pytest.approx(time.time() - 5, abs=5)


def test_a_truth_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=r"^--truth .*none/truth cannot be written: No such file or directory$"):
        open_truth(tmp_path / "none" / "truth")


@pytest.mark.e2e
def test_every_event_arrives_on_its_topic_in_order_and_is_in_the_truth(broker: Broker, tmp_path: Path) -> None:
    topics = (SENSOR_SUHU_GUDANG, SENSOR_KELEMBABAN_GUDANG)
    before = {topic: end_offsets(broker, topic) for topic in topics}
    truth = tmp_path / "the truth.jsonl"
    shares = "--late 0.1 --out-of-order 0.1 --duplicate 0.1 --missing 0.1 --malformed 0.1 --silent G2:kelembaban"
    options = f"--count 600 --rate 0 --seed 7 --start {NOON} {shares}".split()
    with producer(broker, "warehouse", "--truth", str(truth), *options) as running:
        code, out, err = outcome(running)
    made = events(600, EVERY_FAULT)
    sent = [event for event in made if event.sent]
    assert (code, counts(out)) == (0, (len(sent), len(sent), 0)), err
    assert truth.read_text().splitlines() == [event.truth() for event in made]
    wanted, found = defaultdict(list), defaultdict(list)
    for event in sent:
        wanted[event.topic, event.key].append(event.value)
    for topic in topics:
        for key, value in received(broker, topic, before[topic]):
            found[topic, key or ""].append(value)
    assert found == wanted
