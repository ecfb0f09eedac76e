"""The warehouse monitor on a real broker: its table against an oracle in plain Python, in peace and under kills."""

import json
import random
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import Broker
from tests.e2e.support import drain, kill, messages, python, row_count, submit, table, until, words

pytestmark = pytest.mark.e2e

WINDOW_MICROS = 10_000_000
# Small batches, so that the watermark moves between them and what is late is late.
SMALL_BATCHES = ("--conf", "spark.arus.max-offsets-per-trigger=2000")
LIVE = ("--driver-memory", "768m", *SMALL_BATCHES)
FAULTS = (
    *("--late", "0.01", "--late-seconds", "120", "--duplicate", "0.01", "--missing", "0.01", "--out-of-order", "0.05"),
    *("--malformed", "0.005", "--silent", "G2:kelembaban", "--silent-after", "200"),
)
Moment = tuple[str, int]


class Row(NamedTuple):
    """A row of status_gudang; times in epoch microseconds."""

    gudang_id: str
    suhu_time: int | None
    suhu: float | None
    kelembaban_time: int | None
    kelembaban: float | None
    status: str


def oracle(suhu: dict[Moment, float], kelembaban: dict[Moment, float]) -> set[Row]:
    """Return the rows that readings by warehouse and time must give, by looking at every pair."""
    times: dict[str, list[int]] = defaultdict(list)
    for gudang_id, moment in kelembaban:
        times[gudang_id].append(moment)
    rows, partnered = set(), set()
    for (gudang_id, moment), value in suhu.items():
        near = [other for other in times[gudang_id] if abs(other - moment) <= WINDOW_MICROS]
        partnered |= {(gudang_id, other) for other in near}
        partner = min(near, key=lambda other: (abs(other - moment), other), default=None)
        humidity = None if partner is None else kelembaban[gudang_id, partner]
        rows.add(Row(gudang_id, moment, value, partner, humidity, status_of(value, humidity)))
    for (gudang_id, moment), humidity in kelembaban.items():
        if (gudang_id, moment) not in partnered:
            rows.add(Row(gudang_id, None, None, moment, humidity, "Kelembaban saja"))
    return rows


def status_of(suhu: float, kelembaban: float | None) -> str:
    if kelembaban is None:
        return "Suhu saja"
    words_of = {
        (True, True): "Bahaya tinggi! Barang berisiko rusak",
        (True, False): "Suhu tinggi, kelembaban normal",
        (False, True): "Kelembaban tinggi, suhu aman",
        (False, False): "Aman",
    }
    return words_of[suhu > 80, kelembaban > 70]


def micros(moment: Any) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1e6)


def produce(cluster: Broker, truth: Path, count: int) -> "subprocess.Popen[str]":
    options = ("--rate", "0", "--warehouses", "20", "--start", "1790000000", "--count", str(count), "--seed", "4")
    return python(cluster, "-m", "producers.warehouse", *options, *FAULTS, "--truth", str(truth))


def sent(truth: Path) -> list[dict[str, Any]]:
    """Return what the producer has sent that is a reading."""
    lines = map(json.loads, truth.read_text().splitlines())
    return [line for line in lines if line["fault"] not in ("missing", "silent") and line["malformed"] is None]


def is_done(cluster: Broker, readings: int) -> bool:
    """Return whether all readings are in their table, and no row of the status can change any more."""
    queries = json.loads((cluster.home / "run" / "warehouse_monitor.status.json").read_text())["queries"]
    return (
        all(queries.get(f"warehouse_monitor.{name}", {}).get("lag") == 0 for name in ("tables", "status"))
        and row_count(cluster, "tables/sensor_gudang") >= readings
        and all(table(cluster, "tables/status_gudang")["is_final"].to_pylist())
    )


def compare(cluster: Broker, truth: Path) -> Counter[str]:
    """Compare the tables with the truth and the oracle, both ways; return how many readings came to what end."""
    arrived = table(cluster, "tables/sensor_gudang").to_pylist()
    readings = Counter((*reading_of(line), line["value"]) for line in sent(truth))
    assert readings == Counter((*identity(row), row["reading"]) for row in arrived)
    rejects = [row for row in table(cluster, "rejects/warehouse_monitor").to_pylist() if row["reason"] == "late"]
    late = set(map(position, rejects))
    assert len(late) == len(rejects)
    held_back = {reading_of(line) for line in sent(truth) if line["fault"] == "late"}
    assert {identity(row) for row in arrived if position(row) in late} <= held_back
    kept = {identity(row): row["reading"] for row in arrived if position(row) not in late}
    suhu, kelembaban = (
        {(gudang_id, moment): reading for (of, gudang_id, moment), reading in kept.items() if of == kind}
        for kind in ("suhu", "kelembaban")
    )
    expected = oracle(suhu, kelembaban)
    rows = list(map(row_of, table(cluster, "tables/status_gudang").to_pylist()))
    assert len(rows) == len(set(rows))
    assert set(rows) - expected == set()
    assert expected - set(rows) == set()
    alone = {("suhu", row.gudang_id, row.suhu_time) for row in rows if row.status == "Suhu saja"}
    alone |= {("kelembaban", row.gudang_id, row.kelembaban_time) for row in rows if row.status == "Kelembaban saja"}
    ends = Counter("alone" if identity(row) in alone else "paired" for row in arrived if position(row) not in late)
    return ends + Counter({"in": len(arrived), "late": len(late)})


def reading_of(line: dict[str, Any]) -> tuple[str, str, int]:
    return line["kind"], line["gudang_id"], micros_of(line["timestamp"])


def identity(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["kind"], row["gudang_id"], micros(row["event_time"]) or 0


def position(row: dict[str, Any]) -> tuple[str, int, int]:
    return row["topic"], row["partition"], row["offset"]


def row_of(row: dict[str, Any]) -> Row:
    suhu, kelembaban = ((micros(row[f"{kind}_time"]), row[kind]) for kind in ("suhu", "kelembaban"))
    return Row(row["gudang_id"], *suhu, *kelembaban, row["status"])


def micros_of(seconds: float) -> int:
    return round(seconds * 1e6)


def run(cluster: Broker, truth: Path, count: int, kills: int) -> None:
    """Run producer and job until all is final; kill the broker and the driver so many times while readings flow."""
    rng = random.Random(kills)
    producer = produce(cluster, truth, count)
    job = submit(cluster, "warehouse_monitor", *LIVE)
    try:
        for _ in range(kills):
            await_more_rows(cluster)
            time.sleep(rng.uniform(0, 2))
            kill(cluster.pid)
            assert cluster.arus("broker", "start").returncode == 0
            time.sleep(rng.uniform(0, 4))
            kill(job.pid)
            job.communicate()
            job = submit(cluster, "warehouse_monitor", *LIVE)
        said = words(producer)
        assert producer.returncode == 0, said
        readings = len(sent(truth))
        until(lambda: is_done(cluster, readings) or job.poll() is not None, "all rows to be final", patience=600)
        assert job.poll() is None, words(job)
    finally:
        job.terminate()
        words(job)
        producer.kill()
        producer.wait()


def await_more_rows(cluster: Broker) -> None:
    before = row_count(cluster, "tables/status_gudang")
    until(lambda: row_count(cluster, "tables/status_gudang") > before, "more rows of the status")


@pytest.mark.parametrize(
    ("count", "kills"),
    [(20_000, 1), *(pytest.param(200_000, kills, marks=pytest.mark.long) for kills in (0, 3))],
)
def test_the_table_is_what_an_oracle_says(cluster: Broker, tmp_path: Path, count: int, kills: int) -> None:
    truth = tmp_path / "truth.jsonl"
    run(cluster, truth, count, kills)
    ends = compare(cluster, truth)
    print(", ".join(f"{name} {ends[name]:,}" for name in ("in", "paired", "alone", "late")))
    assert ends["in"] == ends["paired"] + ends["alone"] + ends["late"]
    assert min(ends["alone"], ends["late"]) > 0
    the_warnings_are_the_high_readings(cluster)
    the_messages_are_the_changes(cluster)
    before = contents(cluster)
    drain(cluster, "warehouse_monitor")
    assert contents(cluster) == before


def the_warnings_are_the_high_readings(cluster: Broker) -> None:
    high = {
        f"{row['topic']}-{row['partition']}-{row['offset']}"
        for row in table(cluster, "tables/sensor_gudang").to_pylist()
        if row["reading"] > {"suhu": 80, "kelembaban": 70}[row["kind"]]
    }
    ids = table(cluster, "tables/peringatan_gudang")["alert_id"].to_pylist()
    assert len(ids) == len(set(ids))
    assert set(ids) == high
    assert {message["alert_id"] for message in messages(cluster, "peringatan-gudang")} == high


def the_messages_are_the_changes(cluster: Broker) -> None:
    """The last message of a warehouse says its present status; none repeats the one before."""
    told: dict[object, list[object]] = defaultdict(list)
    for message in unique(messages(cluster, "status-gudang")):
        if not str(message["status"]).startswith("Sensor"):
            told[message["gudang_id"]].append(message["status"])
    rows = sorted(table(cluster, "tables/status_gudang").to_pylist(), key=lambda row: row["event_time"])
    newest = {row["gudang_id"]: row["status"] for row in rows}
    assert {gudang_id: statuses[-1] for gudang_id, statuses in told.items()} == newest


def unique(found: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """Return the messages, without those that a crash has sent again."""
    return list({message["id"]: message for message in found}.values())


def contents(cluster: Broker) -> dict[str, list[str]]:
    """Return the rows of each table, but not in which part they are: a heartbeat that was left over moves them."""
    names = ("tables/sensor_gudang", "tables/peringatan_gudang", "tables/status_gudang", "rejects/warehouse_monitor")
    rows = {name: table(cluster, name).to_pylist() for name in names}
    return {name: sorted(str(row | {"settled": None}) for row in of) for name, of in rows.items()}
