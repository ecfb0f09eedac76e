"""The warehouse monitor: python -m benchmarks warehouse [--part latency|quiet|backlog] [--runs 3] [--readings 1000000].

Latency: 100 readings a second of 50 warehouses, each temperature reading just after its humidity reading and each with
another status than the last; from its send to its status, in the topic and in the table, and to its warning. Quiet:
all input stops; from the last reading, which has no partner, to its verdict and to its sensor's silence. Backlog:
readings of 1,000 warehouses, from Kafka to the finished status. Beside the first and the last of them, the job as
people write it today.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition
from deltalake import DeltaTable

from arus import home, schemas
from benchmarks.drain import drained
from benchmarks.rig import machine, rig, run_peer, start_job

WAREHOUSES = 50
START_SECONDS = 120
# How long the last readings may take to be seen.
LAST_SECONDS = 10
# Readings flow for so long, with the job's start, before they stop.
QUIET_AFTER_SECONDS = 60


class Sender(threading.Thread):
    """Sends both readings of each warehouse once a second, evenly, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.asked = threading.Event()
        self.sent: list[float] = []

    def run(self) -> None:
        producer = Producer({"bootstrap.servers": home.bootstrap_servers(), "linger.ms": 0})
        begun = time.time()
        number = 0
        while not self.asked.is_set():
            time.sleep(max(begun + number / WAREHOUSES - time.time(), 0))
            gudang_id, is_hot = f"G{number % WAREHOUSES}", number // WAREHOUSES % 2 == 0
            self.produce(producer, schemas.SENSOR_KELEMBABAN_GUDANG, gudang_id, "kelembaban", 65.0)
            time.sleep(0.002)
            self.sent.append(
                self.produce(producer, schemas.SENSOR_SUHU_GUDANG, gudang_id, "suhu", 85.0 if is_hot else 75.0)
            )
            number += 1
        producer.flush()

    @staticmethod
    def produce(producer: Producer, topic: str, gudang_id: str, kind: str, value: float) -> float:
        moment = round(time.time(), 6)
        reading = {"gudang_id": gudang_id, kind: value, "timestamp": moment}
        producer.produce(topic, key=gudang_id.encode(), value=json.dumps(reading).encode())
        producer.poll(0)
        return moment


class Reader(threading.Thread):
    """Notes when the status and the warnings of temperature readings come, by their time."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.asked = threading.Event()
        self.seen: dict[str, dict[float, float]] = {schemas.STATUS_GUDANG: {}, schemas.PERINGATAN_GUDANG: {}}

    def run(self) -> None:
        consumer = Consumer({"bootstrap.servers": home.bootstrap_servers(), "group.id": "benchmark"})
        consumer.assign([TopicPartition(topic, 0, OFFSET_END) for topic in self.seen])
        while not self.asked.is_set():
            message = consumer.poll(0.1)
            if message and not message.error():
                now, told = time.time(), json.loads(message.value() or b"")
                self.seen[str(message.topic())].setdefault(round(told["timestamp"], 6), now)
        consumer.close()


class TableReader(threading.Thread):
    """Notes when temperature readings are in the table, by their time."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.asked = threading.Event()
        self.seen: dict[float, float] = {}

    def run(self) -> None:
        path = home.home() / "tables" / "status_gudang"
        table = DeltaTable(path)
        while not self.asked.wait(0.02):
            # A look at the folder, not at the table: the reader must not take the processor from what it measures.
            if not (path / "_delta_log" / f"{table.version() + 1:020}.json").exists():
                continue
            table = DeltaTable(path)
            moments = table.to_pyarrow_table(columns=["suhu_time"], filters=[("settled", "=", False)])["suhu_time"]
            now = time.time()
            for moment in moments.to_pylist():
                if moment:
                    self.seen.setdefault(round(moment.timestamp(), 6), now)


def stop(thread: Sender | Reader | TableReader) -> None:
    thread.asked.set()
    thread.join()


def percentiles(taken: list[float]) -> str:
    if len(taken) < 100:
        sys.exit(f"only {len(taken)} were seen")
    cuts = statistics.quantiles(taken, n=100)
    return f"{len(taken):,}: p50 {cuts[49]:,.1f}, p90 {cuts[89]:,.1f}, p99 {cuts[98]:,.1f}, max {max(taken):,.1f} ms"


def latency(seconds: float, warm_up: float, spark_options: list[str]) -> None:
    job = start_job("warehouse_monitor", *spark_options)
    sender, reader = Sender(), Reader()
    try:
        reader.start()
        sender.start()
        deadline = time.monotonic() + START_SECONDS
        while not reader.seen[schemas.STATUS_GUDANG]:
            if time.monotonic() > deadline:
                sys.exit(f"no status within {START_SECONDS} s: see {home.logs() / 'warehouse_monitor.out'}")
            time.sleep(0.1)
        table = TableReader()
        table.start()
        time.sleep(warm_up)
        begun = time.time()
        time.sleep(seconds)
        ended = time.time()
        stop(sender)
        patience = time.monotonic() + LAST_SECONDS
        while not table.seen.keys() >= set(sender.sent) and time.monotonic() < patience:
            time.sleep(0.1)
        stop(reader)
        stop(table)
    finally:
        job.terminate()
        job.wait()
    measured = [moment for moment in sender.sent if begun <= moment < ended]
    for name, seen in (
        ("status in the topic", reader.seen[schemas.STATUS_GUDANG]),
        ("status in the table", table.seen),
        ("warnings", reader.seen[schemas.PERINGATAN_GUDANG]),
    ):
        print(
            f"{name}: {percentiles([1000 * (seen[moment] - moment) for moment in measured if moment in seen])}",
            flush=True,
        )


def quiet(spark_options: list[str]) -> None:
    """Print how long after the last reading of all its verdict and its sensor's silence are told."""
    job = start_job("warehouse_monitor", *spark_options)
    producer = Producer({"bootstrap.servers": home.bootstrap_servers(), "linger.ms": 0})
    consumer = Consumer({"bootstrap.servers": home.bootstrap_servers(), "group.id": "benchmark"})
    consumer.assign([TopicPartition(schemas.STATUS_GUDANG, 0, OFFSET_END)])
    try:
        for _ in range(QUIET_AFTER_SECONDS):
            for kind, topic in (("suhu", schemas.SENSOR_SUHU_GUDANG), ("kelembaban", schemas.SENSOR_KELEMBABAN_GUDANG)):
                Sender.produce(producer, topic, "G1", kind, 60.0)
            time.sleep(1)
        last = Sender.produce(producer, schemas.SENSOR_SUHU_GUDANG, "G2", "suhu", 60.0)
        producer.flush()
        waited_for = {"Suhu saja", "Sensor suhu diam"}
        while waited_for and time.time() < last + START_SECONDS:
            message = consumer.poll(0.1)
            told = json.loads(message.value() or b"") if message and not message.error() else {}
            if told.get("gudang_id") == "G2" and told["status"] in waited_for:
                waited_for.remove(told["status"])
                print(
                    f"all input stopped: {told['status']} told {time.time() - last:.1f} s after the reading", flush=True
                )
    finally:
        consumer.close()
        job.terminate()
        job.wait()
    if waited_for:
        sys.exit(f"not told within {START_SECONDS} s: {waited_for}")


def peer_latency(seconds: float, warm_up: float) -> None:
    sender = Sender()
    sender.start()
    [found] = run_peer("warehouse_peer", "live", str(seconds + warm_up))
    stop(sender)
    taken: Any = found["taken"]
    warm = taken[int(len(taken) * warm_up / (seconds + warm_up)) :]
    print(
        f"peer: status on the console: {percentiles(warm)}; {found['lines'] / len(taken):.1f} lines a reading",
        flush=True,
    )


def backlog(readings: int, runs: int, spark_options: list[str]) -> None:
    for kind in ("suhu", "kelembaban"):
        run_peer("backlog", kind, str(readings // 2))
    found, peers = [], []
    for run in range(runs):
        found.append(drained("warehouse_monitor", "warehouse_monitor.status", *spark_options)["arus"])
        lines = map(json.loads, (home.logs() / "warehouse_monitor.progress.jsonl").read_text().splitlines())
        batches = [line for line in lines if line["query"] == "warehouse_monitor.status" and line["rows_in"]]
        [peer] = run_peer("warehouse_peer", "drain")
        peers.append(readings / peer["seconds"])
        print(f"backlog run {run + 1}: {found[-1]:,.0f} readings/s, peer's join alone {peers[-1]:,.0f}", flush=True)
        for batch in batches:
            speed = 1000 * batch["rows_in"] / batch["batch_ms"]
            kept = f"{batch['state_rows']:,} rows of state, {batch['state_bytes'] / 2**20:,.0f} MiB"
            print(f"  batch {batch['batch']}: {batch['rows_in']:,} readings, {speed:,.0f}/s, {kept}")
    middle, peer_middle = statistics.median(found), statistics.median(peers)
    print(f"backlog: median of {runs}: {middle:,.0f} readings/s; peer's join alone {peer_middle:,.0f}")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks warehouse", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warm-up", type=float, default=40)
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--part", choices=("latency", "quiet", "backlog"), action="append", help="only this part")
    options, spark_options = parser.parse_known_args(argv)
    parts = options.part or ["latency", "quiet", "backlog"]
    print(machine())
    if "latency" in parts:
        with rig():
            latency(options.seconds, options.warm_up, spark_options)
            peer_latency(options.seconds, options.warm_up)
    if "quiet" in parts:
        for _ in range(options.runs):
            with rig():
                quiet(spark_options)
    if "backlog" in parts:
        with rig():
            backlog(options.readings, options.runs, spark_options)
    return 0
