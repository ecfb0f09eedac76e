"""The same line on a standalone cluster: a master and a worker from PySpark's own classes, the driver as client."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyspark
import pytest

from arus.java import java_home
from arus.ping import free_port
from tests.conftest import Broker
from tests.e2e.support import drain, everything, positions, row_count, send, submit, table, until, words

pytestmark = pytest.mark.e2e


def spark_class(name: str, *argv: str, folder: Path) -> "subprocess.Popen[bytes]":
    command = [str(Path(pyspark.__file__).parent / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *argv]
    environment = os.environ | {
        "JAVA_HOME": str(java_home()),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder),
    }
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Standalone(NamedTuple):
    """A master and one worker of two cores: the master's address, and the port of its page."""

    url: str
    page: int
    worker: "subprocess.Popen[bytes]"


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Standalone]:
    port, page = free_port(), free_port()
    address = ("--host", "127.0.0.1", "--port", str(port))
    one = spark_class("master.Master", *address, "--webui-port", str(page), folder=tmp_path)
    url = f"spark://127.0.0.1:{port}"
    size = ("--host", "127.0.0.1", "--cores", "2", "--memory", "1g", "--webui-port", str(free_port()))
    two = spark_class("worker.Worker", *size, url, folder=tmp_path)
    try:
        until(lambda: alive_workers(page) == 1, "the worker")
        yield Standalone(url, page, two)
    finally:
        for process in (two, one):
            process.kill()
            process.wait()


def alive_workers(page: int) -> int:
    try:
        return int(report(page)["aliveworkers"])
    except (OSError, ValueError):
        # Not there yet, or its page is still empty.
        return 0


def report(page: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{page}/json/", timeout=2) as answer:
        return dict(json.load(answer))


def test_a_job_runs_on_a_standalone_cluster_with_the_same_line(cluster: Broker, master: Standalone) -> None:
    url, page, _ = master
    readings = [b'{"sensor_id":"S1","suhu":81.5}', b'{"sensor_id":"S2","suhu":70.0}', b"{"]
    send(cluster, "sensor-suhu", readings * 100)
    drain(cluster, "temperature_filter", "--master", url, "--conf", "spark.executor.memory=512m")
    rejects = table(cluster, "rejects/temperature_filter")
    both = positions(table(cluster, "tables/sensor_suhu")) + positions(rejects)
    assert sorted(both) == everything(cluster, "sensor-suhu")
    assert table(cluster, "tables/peringatan_suhu").num_rows == 100
    until(lambda: len(report(page)["completedapps"]) == 1, "the application's end, as the master saw it")


def test_a_cluster_without_room_for_the_job_is_told_in_one_line(
    cluster: Broker, master: Standalone, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = master.url
    monkeypatch.setenv("ARUS_PATIENCE_SECONDS", "4")
    job = submit(cluster, "temperature_filter", "--master", url, "--conf", "spark.executor.memory=8g")
    said = words(job).splitlines()
    assert job.returncode == 1
    assert f"temperature_filter: waiting for executors from {url}, up to " in "\n".join(said)
    assert said[-1].startswith(f"arus: {url} gave this job no executor within 4 s: ")


def test_a_job_whose_executors_are_lost_for_too_long_says_so_and_ends(
    cluster: Broker, master: Standalone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARUS_PATIENCE_SECONDS", "20")
    send(cluster, "retail_stream", [b"{"] * 10)
    job = submit(cluster, "retail_ingest", "--master", master.url, "--conf", "spark.executor.memory=512m")
    try:
        until(lambda: row_count(cluster, "rejects/retail_ingest") == 10, "the first micro-batch")
        master.worker.kill()
        until(lambda: job_state(cluster, "retail_ingest") == "waiting", "the loss of the executor")
    finally:
        said = words(job).splitlines()
    assert job.returncode == 1
    assert [line for line in said if line.startswith("arus: ")] == [said[-1]]
    assert said[-1].startswith("arus: the cluster has left this job without an executor for 2")
    assert job_state(cluster, "retail_ingest") == "failed"


def job_state(cluster: Broker, job: str) -> str:
    return str(json.loads((cluster.home / "run" / f"{job}.status.json").read_text())["state"])
