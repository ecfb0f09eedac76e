"""The resizer: python -m benchmarks resizer [--part rate|latency|cluster] [--rounds 3] [--count 600].

Images of mixed sizes and formats are uploaded over HTTP. Rate: as fast as they are taken, from the first upload to the
last result, beside the resizer as people write it (Flask, Redis, two Python workers), each in turn. Latency: 20 a
second, from an upload's acceptance to its result. Cluster: the job on a standalone master with one worker, then two,
of one core each.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from arus import home, ping
from benchmarks import image_set
from benchmarks.load_test import Outcome, Uploader, Uploads, finished, outcome
from benchmarks.rig import machine, rig, running, start_job

PARTS = ("rate", "latency", "cluster")
DISTINCT = 200
CONNECTIONS = 8
PEER_WORKERS = 2
LATENCY_RATE = 20.0
# A driver that has just started compiles what it runs.
WARM_UP_UPLOADS = 400
START_SECONDS = 120.0
Files = Sequence[tuple[str, bytes]]


def uploaded(url: str, files: Files, count: int, rate: float = 0.0) -> tuple[Outcome, Uploads]:
    """Upload to ours; return what came of it when every result is there."""
    uploads = Uploader(url, files, rate, CONNECTIONS).run(count)
    if uploads.refused:
        sys.exit(f"{uploads.refused} refused")
    return outcome(uploads, finished(url, uploads.accepted)), uploads


# --- ours ---


@contextlib.contextmanager
def resizing(*options: str) -> Iterator[str]:
    """The server and the job on the rig's broker, warm; yield the server's address."""
    job = start_job("image_resize", *options)
    try:
        with running("server", "--port", "0") as port:
            yield f"http://127.0.0.1:{port}"
    finally:
        job.terminate()
        job.wait()


# --- the peer ---


@contextlib.contextmanager
def peer(folder: Path) -> Iterator[str]:
    """Flask, Redis and two workers; yield the server's address."""
    for name in ("uploads", "processed"):
        (folder / name).mkdir(parents=True)
    port = ping.free_port()
    line = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(started(line))
        for _ in range(PEER_WORKERS):
            work = [sys.executable, "-m", "benchmarks.resize_peer", "worker", str(port), str(folder)]
            worker = stack.enter_context(started(work))
            assert worker.stdout  # noqa: S101
            worker.stdout.readline()
        api = stack.enter_context(running("benchmarks.resize_peer", "api", str(port), str(folder)))
        yield f"http://127.0.0.1:{api}"


@contextlib.contextmanager
def started(line: list[str]) -> Iterator["subprocess.Popen[str]"]:
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(line, cwd=home.ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def uploaded_to_peer(url: str, folder: Path, files: Files, count: int, rate: float = 0.0) -> Outcome:
    uploads = Uploader(url, files, rate, CONNECTIONS).run(count)
    return outcome(uploads, ends_of(folder / "processed", uploads.accepted))


def ends_of(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, str, float]]:
    """Yield name, status and end of each result, when the file has not changed for a moment."""
    for name in names:
        deadline = time.monotonic() + START_SECONDS
        while not (folder / name).exists():
            if time.monotonic() > deadline:
                sys.exit(f"the peer has no result of {name}")
            time.sleep(0.02)
        yield name, "processed", (folder / name).stat().st_mtime


# --- the parts ---


def rate(files: Files, rounds: int, count: int) -> None:
    found: dict[str, list[Outcome]] = {"ours": [], "peer": []}
    with rig() as folder, resizing() as ours, peer(folder / "peer") as other:
        uploaded(ours, files, WARM_UP_UPLOADS)
        uploaded_to_peer(other, folder / "peer", files, WARM_UP_UPLOADS)
        for number in range(1, rounds + 1):
            found["ours"].append(uploaded(ours, files, count)[0])
            print(f"round {number}, ours: {found['ours'][-1]}", flush=True)
            found["peer"].append(uploaded_to_peer(other, folder / "peer", files, count))
            print(f"round {number}, peer: {found['peer'][-1]}", flush=True)
    middles = {name: statistics.median(each.rate for each in outcomes) for name, outcomes in found.items()}
    ratios = [mine.rate / theirs.rate for mine, theirs in zip(found["ours"], found["peer"], strict=True)]
    print(
        f"median of {rounds}: ours {middles['ours']:,.1f}, peer {middles['peer']:,.1f} images/s; "
        f"ratio {statistics.median(ratios):.2f} (median of the rounds)"
    )


def latency(files: Files, rounds: int, seconds: float) -> None:
    count = int(LATENCY_RATE * seconds)
    found: list[Outcome] = []
    with rig() as folder, resizing() as ours, peer(folder / "peer") as other:
        uploaded(ours, files, WARM_UP_UPLOADS)
        uploaded(ours, files, int(LATENCY_RATE * 10), LATENCY_RATE)
        for number in range(1, rounds + 1):
            found.append(uploaded(ours, files, count, LATENCY_RATE)[0])
            print(f"round {number}, ours: {found[-1]}", flush=True)
            print(
                f"round {number}, peer: {uploaded_to_peer(other, folder / 'peer', files, count, LATENCY_RATE)}",
                flush=True,
            )
    middles = [statistics.median(each.milliseconds(point) for each in found) for point in (50, 99)]
    print(f"{LATENCY_RATE:.0f} uploads/s, medians of {rounds}: p50 {middles[0]:,.0f}, p99 {middles[1]:,.0f} ms")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks resizer", description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=600, help="uploads of a round")
    parser.add_argument("--seconds", type=float, default=30, help="of a round of latency")
    options = parser.parse_args(argv)
    parts = options.part or PARTS
    print(machine())
    files = list(image_set.mixed(DISTINCT))
    if "rate" in parts:
        rate(files, options.rounds, options.count)
    if "latency" in parts:
        latency(files, options.rounds, options.seconds)
    return 0
