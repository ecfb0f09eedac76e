"""When something dies, is damaged or is gone: nothing lost, nothing twice, or a refusal with the remedy."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from kafka import KafkaAdminClient

from arus import home, submit
from tests.conftest import Broker
from tests.e2e.lab import DAMAGES
from tests.e2e.support import DRAIN, PATIENCE, drain, everything, positions, row_count, send, table, until, words
from tests.e2e.support import submit as start_job

pytestmark = pytest.mark.e2e

JOBS = {
    "retail_ingest": ("retail_stream", "retail", ()),
    "temperature_filter": ("sensor-suhu", "sensor_suhu", ("peringatan_suhu",)),
}
# Enough micro-batches of 800 rows for each kill to find one.
ROWS_A_KILL = 3_200


def value(job: str, number: int) -> bytes:
    if number % 100 == 99:
        return b"{"
    if job == "temperature_filter":
        return json.dumps({"sensor_id": f"S{number % 7}", "suhu": 60 + number % 30}).encode()
    row = {"InvoiceNo": str(number), "StockCode": "85123A", "Quantity": 1, "InvoiceDate": "2010-12-01 08:26:00"}
    return json.dumps(row | {"UnitPrice": 2.55}).encode()


def fill(cluster: Broker, job: str, rows: int) -> None:
    topic = JOBS[job][0]
    half = rows // 2
    send(cluster, topic, (value(job, number) for number in range(half)), key=b"one")
    send(cluster, topic, (value(job, number) for number in range(half, rows)), key=b"another")


def landed(cluster: Broker, job: str) -> list[tuple[int, int]]:
    rejects = positions(table(cluster, f"rejects/{job}"))
    return sorted(positions(table(cluster, f"tables/{JOBS[job][1]}")) + rejects)


def is_inside_a_batch(checkpoint: Path) -> bool:
    """Return whether a micro-batch has been planned and is not yet committed."""

    def newest(name: str) -> int:
        folder = checkpoint / name
        return max((int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()), default=-1)

    return (checkpoint / "commits").exists() and newest("offsets") > newest("commits")


def kill_in_the_middle(cluster: Broker, job: str, rng: random.Random) -> bool:
    """Run the job, kill -9 its driver some time after it began a micro-batch; return whether that hit a batch."""
    checkpoint = cluster.home / "checkpoints" / job / "tables"
    process = start_job(cluster, job, *DRAIN, "--conf", "spark.arus.max-offsets-per-trigger=800")
    try:
        until(lambda: process.poll() is not None or is_inside_a_batch(checkpoint), "a micro-batch", PATIENCE)
        time.sleep(rng.random() * 1.5)
        until(lambda: process.poll() is not None or is_inside_a_batch(checkpoint), "a micro-batch", PATIENCE)
        hit = process.poll() is None and is_inside_a_batch(checkpoint)
    finally:
        process.kill()
        process.communicate()
    return hit


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("kills", [5, pytest.param(25, marks=pytest.mark.long)])
def test_kill_9_of_the_driver_loses_nothing_and_doubles_nothing(cluster: Broker, job: str, kills: int) -> None:
    rng = random.Random(20261121)
    rows = kills * ROWS_A_KILL
    fill(cluster, job, rows)
    hits = sum(kill_in_the_middle(cluster, job, rng) for _ in range(kills))
    drain(cluster, job)
    assert landed(cluster, job) == everything(cluster, JOBS[job][0])
    assert table(cluster, f"rejects/{job}").num_rows == rows // 100
    for alerts in JOBS[job][2]:
        ids = table(cluster, f"tables/{alerts}")["alert_id"].to_pylist()
        hot = [number for number in range(rows) if number % 100 != 99 and 60 + number % 30 > 80]
        assert len(ids) == len(set(ids)) == len(hot)
    print(f"{hits} of {kills} kills were inside a micro-batch")
    assert hits >= 0.6 * kills


def lab(cluster: Broker, what: str, job: str, *argv: str, code: int = 0) -> list[Any]:
    """Run tests/e2e/lab.py as the driver of a job until it ends with this exit code, and return its results."""
    zip_file = cluster.home / "lab.zip"
    submit.zip_code(zip_file)
    line = submit.command(job, [*DRAIN], zip_file)
    line[-1:] = [str(home.ROOT / "tests" / "e2e" / "lab.py"), what, job, *argv]
    environment = {**os.environ, **cluster.env, "PYTHONPATH": str(home.ROOT)}
    done = subprocess.run(
        line, env=environment | _paths(cluster, job), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return [json.loads(text.removeprefix("RESULT ")) for text in done.stdout.splitlines() if text.startswith("RESULT ")]


def _paths(cluster: Broker, job: str) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARUS_HOME", str(cluster.home))
        return {
            name: text
            for name, text in submit.environment(job).items()
            if name.startswith(("ARUS", "JAVA", "PY", "SPARK"))
        }


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.long)])
def test_a_batch_that_runs_again_and_again_changes_nothing(cluster: Broker, job: str, times: int) -> None:
    fill(cluster, job, 1_000)
    assert len(lab(cluster, "replay", job, str(times))) == times
    assert landed(cluster, job) == everything(cluster, JOBS[job][0])
    for alerts in JOBS[job][2]:
        ids = table(cluster, f"tables/{alerts}")["alert_id"].to_pylist()
        assert len(ids) == len(set(ids)) > 0


def test_a_driver_killed_between_two_commits_of_a_batch_finishes_it_at_the_next_start(cluster: Broker) -> None:
    fill(cluster, "temperature_filter", 1_000)
    lab(cluster, "die-between-commits", "temperature_filter", code=-signal.SIGKILL)
    counts = {name: row_count(cluster, name) for name in ("tables/sensor_suhu", "tables/peringatan_suhu")}
    assert counts == {"tables/sensor_suhu": 990, "tables/peringatan_suhu": 0}, "killed where it was meant to be"
    drain(cluster, "temperature_filter")
    assert landed(cluster, "temperature_filter") == everything(cluster, "sensor-suhu")
    ids = table(cluster, "tables/peringatan_suhu")["alert_id"].to_pylist()
    hot = [number for number in range(1_000) if number % 100 != 99 and 60 + number % 30 > 80]
    assert len(ids) == len(set(ids)) == len(hot)


def test_a_worker_killed_before_it_could_tell_of_its_files_leaves_them_unread(cluster: Broker) -> None:
    fill(cluster, "retail_ingest", 1_000)
    lab(cluster, "let-tasks-die", "retail_ingest")
    assert landed(cluster, "retail_ingest") == everything(cluster, "retail_stream")
    for name in ("tables/retail", "rejects/retail_ingest"):
        known = {Path(file).name for file in DeltaTable(cluster.home / name).file_uris()}
        there = {path.name for path in (cluster.home / name).glob("*.parquet")}
        assert len(known) == 2, "of the second tries"
        assert len(there - known) == 2, "of the tries that died"


def test_a_damaged_checkpoint_is_refused_with_the_remedy_or_changes_nothing(cluster: Broker) -> None:
    fill(cluster, "retail_ingest", 1_000)
    answers = dict(lab(cluster, "damage", "retail_ingest"))
    assert answers.keys() == DAMAGES.keys()
    print(json.dumps(answers, indent=1))
    for answer in answers.values():
        assert "python -m arus reset retail_ingest" in answer
    assert landed(cluster, "retail_ingest") == everything(cluster, "retail_stream")


def test_records_that_kafka_no_longer_has_stop_the_job_and_say_so(cluster: Broker) -> None:
    fill(cluster, "retail_ingest", 1_000)
    drain(cluster, "retail_ingest")
    before = landed(cluster, "retail_ingest")
    admin = KafkaAdminClient(bootstrap_servers=cluster.address)
    admin.delete_topics(["retail_stream"])
    admin.close()
    until(lambda: "retail_stream" in cluster.arus("topics", "create").stdout, "the topic made anew")
    send(cluster, "retail_stream", [value("retail_ingest", 0)])
    job = start_job(cluster, "retail_ingest", *DRAIN)
    said = words(job)
    assert job.returncode == 1
    assert "Kafka no longer holds records" in said
    assert "python -m arus reset retail_ingest" in said
    assert "Traceback" not in said
    assert landed(cluster, "retail_ingest") == before
