"""The resizer: python -m benchmarks resizer [--part rate|latency|cluster] [--rounds 3] [--count 600]
[--conf KEY=VALUE].

Images of mixed sizes and formats are uploaded over HTTP. Rate: as fast as they are taken, from the first upload to the
last result, beside the resizer as people write it (Flask, Redis, two Python workers), each in turn. Latency: 20 a
second, from an upload's acceptance to its result. Cluster: the job on a standalone master with one worker, then two,
of one core each.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from arus import broker, home, java, ping
from benchmarks import image_set
from benchmarks.load_test import Outcome, Uploader, Uploads, finished, outcome, shares
from benchmarks.rig import machine, rig, running, spark_home, start_job

PARTS = ("rate", "latency", "cluster")
DISTINCT = 200
CONNECTIONS = 8
PEER_WORKERS = 2
LATENCY_RATE = 20.0
# A driver that has just started compiles what it runs.
WARM_UP_UPLOADS = 800
START_SECONDS = 120.0
Files = Sequence[tuple[str, bytes]]


def uploaded(url: str, files: Files, count: int, rate: float = 0.0) -> tuple[Outcome, Uploads]:
    """Upload to ours; return what came of it when every result is there."""
    uploads = accepted(url, files, count, rate)
    found = outcome(uploads, finished(url, uploads.accepted))
    if found.rejected:
        sys.exit(f"{found.rejected} rejected")
    return found, uploads


def accepted(url: str, files: Files, count: int, rate: float) -> Uploads:
    uploads = Uploader(url, files, rate, CONNECTIONS).run(count)
    if len(uploads.accepted) < count:
        sys.exit(f"{len(uploads.accepted)} of {count} accepted, refused: {dict(uploads.refused)}")
    return uploads


# --- ours ---


@contextlib.contextmanager
def resizing(*options: str) -> Iterator[tuple[str, int]]:
    """The server and the job on the rig's broker; yield the server's address and the driver's process id."""
    job = start_job("image_resize", *options)
    try:
        with running("server", "--port", "0") as port:
            yield f"http://127.0.0.1:{port}", job.pid
    finally:
        job.terminate()
        job.wait()


@contextlib.contextmanager
def asleep(driver: int) -> Iterator[None]:
    """Stop driver and broker for a while: waiting for work, they would take processor time from a peer."""
    pids = [pid for pid in (driver, broker.own_pid()) if pid]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def standalone(workers: int, folder: Path) -> Iterator[str]:
    """A standalone master with so many workers of one core; yield its address."""
    port, page = ping.free_port(), ping.free_port()
    url = f"spark://127.0.0.1:{port}"
    master = ("master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page))
    worker = ("worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", "0", url)
    with contextlib.ExitStack() as stack:
        stack.enter_context(started(spark_class(master), folder))
        for number in range(workers):
            stack.enter_context(started(spark_class(worker), folder, SPARK_WORKER_DIR=str(folder / f"worker-{number}")))
        deadline = time.monotonic() + START_SECONDS
        while alive_workers(page) < workers:
            if time.monotonic() > deadline:
                sys.exit("the workers do not register")
            time.sleep(0.2)
        yield url


def spark_class(arguments: tuple[str, ...]) -> list[str]:
    return [f"{spark_home()}/bin/spark-class", f"org.apache.spark.deploy.{arguments[0]}", *arguments[1:]]


def alive_workers(page: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{page}/json/", timeout=2) as answer:
            return int(json.load(answer)["aliveworkers"])
    except (OSError, ValueError):
        return 0


# --- the peer ---


@contextlib.contextmanager
def peer(folder: Path) -> Iterator[str]:
    """Flask, Redis and two workers; yield the server's address."""
    for name in ("uploads", "processed"):
        (folder / name).mkdir(parents=True)
    port = ping.free_port()
    line = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(started(line, folder))
        for _ in range(PEER_WORKERS):
            work = [sys.executable, "-m", "benchmarks.resize_peer", "worker", str(port), str(folder)]
            stack.enter_context(started(work, home.ROOT))
        api = stack.enter_context(running("benchmarks.resize_peer", "api", str(port), str(folder)))
        yield f"http://127.0.0.1:{api}"


@contextlib.contextmanager
def started(line: list[str], folder: Path, **more: str) -> Iterator[None]:
    environment = os.environ | {"JAVA_HOME": str(java.java_home()), "SPARK_LOCAL_IP": "127.0.0.1"}
    environment |= {"SPARK_DAEMON_MEMORY": "256m", **more}
    with (home.logs() / "started.log").open("a") as log:
        process = subprocess.Popen(line, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def uploaded_to_peer(url: str, folder: Path, files: Files, count: int, rate: float = 0.0) -> Outcome:
    uploads = accepted(url, files, count, rate)
    return outcome(uploads, ends_of(folder / "processed", uploads.accepted))


def ends_of(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, str, float]]:
    """Yield name, status and end of each result, waiting for it."""
    for name in names:
        deadline = time.monotonic() + START_SECONDS
        while not (folder / name).exists():
            if time.monotonic() > deadline:
                sys.exit(f"the peer has no result of {name}")
            time.sleep(0.02)
        yield name, "processed", (folder / name).stat().st_mtime


# --- the parts ---


def rate(files: Files, rounds: int, count: int, settings: Sequence[str]) -> None:
    found: dict[str, list[Outcome]] = {"ours": [], "peer": []}
    with rig() as folder, resizing(*settings) as (ours, driver), peer(folder / "peer") as other:
        uploaded(ours, files, WARM_UP_UPLOADS)
        uploaded_to_peer(other, folder / "peer", files, WARM_UP_UPLOADS)
        for number in range(1, rounds + 1):
            found["ours"].append(uploaded(ours, files, count)[0])
            print(f"round {number}, ours: {found['ours'][-1]}", flush=True)
            with asleep(driver):
                found["peer"].append(uploaded_to_peer(other, folder / "peer", files, count))
            print(f"round {number}, peer: {found['peer'][-1]}", flush=True)
    middles = {name: statistics.median(each.rate for each in outcomes) for name, outcomes in found.items()}
    ratios = [mine.rate / theirs.rate for mine, theirs in zip(found["ours"], found["peer"], strict=True)]
    print(
        f"median of {rounds}: ours {middles['ours']:,.1f}, peer {middles['peer']:,.1f} images/s; "
        f"ratio {statistics.median(ratios):.2f} (median of the rounds)"
    )


def latency(files: Files, rounds: int, seconds: float, settings: Sequence[str]) -> None:
    count = int(LATENCY_RATE * seconds)
    found: list[Outcome] = []
    with rig() as folder, resizing(*settings) as (ours, driver), peer(folder / "peer") as other:
        uploaded(ours, files, WARM_UP_UPLOADS)
        uploaded(ours, files, int(LATENCY_RATE * 10), LATENCY_RATE)
        for number in range(1, rounds + 1):
            found.append(uploaded(ours, files, count, LATENCY_RATE)[0])
            print(f"round {number}, ours: {found[-1]}", flush=True)
            with asleep(driver):
                theirs = uploaded_to_peer(other, folder / "peer", files, count, LATENCY_RATE)
            print(f"round {number}, peer: {theirs}", flush=True)
    middles = [statistics.median(each.milliseconds(point) for each in found) for point in (50, 99)]
    print(f"{LATENCY_RATE:.0f} uploads/s, medians of {rounds}: p50 {middles[0]:,.0f}, p99 {middles[1]:,.0f} ms")


def cluster(files: Files, count: int, settings: Sequence[str]) -> None:
    """Print the rate with one worker and with two, and who did the work."""
    for workers in (1, 2):
        with rig() as folder, standalone(workers, folder) as url:
            options = ("--master", url, "--conf", "spark.executor.memory=512m", "--conf", "spark.executor.cores=1")
            with resizing(*options, *settings) as (ours, _):
                uploaded(ours, files, WARM_UP_UPLOADS)
                found, uploads = uploaded(ours, files, count)
                print(f"{workers} workers: {found}", flush=True)
                print("\n".join(shares(uploads.accepted)), flush=True)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks resizer", description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=1500, help="uploads of a round of the rate; of the cluster")
    parser.add_argument("--seconds", type=float, default=30, help="of a round of latency")
    parser.add_argument("--conf", action="append", default=[], metavar="KEY=VALUE", help="a setting of the job")
    options = parser.parse_args(argv)
    parts = options.part or PARTS
    if not shutil.which("redis-server") and {"rate", "latency"} & set(parts):
        sys.exit("the peer needs redis-server: apt-get install redis-server, or brew install redis")
    print(machine())
    settings = [word for setting in options.conf for word in ("--conf", setting)]
    files = list(image_set.mixed(DISTINCT))
    if "rate" in parts:
        rate(files, options.rounds, options.count, settings)
    if "latency" in parts:
        latency(files, options.rounds, options.seconds, settings)
    if "cluster" in parts:
        cluster(files, options.count, settings)
    return 0
