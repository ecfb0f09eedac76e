"""Image analytics: python -m benchmarks analytics [--part rate|flow] [--rounds 3] [--count 2400].

Rate: images of mixed sizes and formats that wait in Kafka, from the end of the first micro-batch on; beside the same
measures of the same files in two processes without Spark, by our own function and by plain Pillow, which decodes
whole. Flow: 5,000 images of 256 by 256 pixels through producer, Kafka, job and table, and what memory that takes.
"""

import argparse
import functools
import json
import multiprocessing
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from arus import delta_files, home
from arus.image_measures import analyse
from benchmarks import image_set
from benchmarks.image_peer import measured_plainly
from benchmarks.rig import machine, rig, start_job

PARTS = ("rate", "flow")
DISTINCT = 400
PROCESSES = 2
JOB = "image_analytics"
SMALL_IMAGES = 5000
LOOK_SECONDS = 0.1


def drain(*options: str) -> None:
    if start_job(JOB, "--conf", "spark.arus.trigger=availableNow", *options).wait():
        sys.exit((home.logs() / f"{JOB}.out").read_text())


def produce(folder: Path, count: int) -> str:
    """Send so many images of a folder, again from its beginning if need be; return what the producer said."""
    line = [sys.executable, "-m", "producers.images", "--dataset", str(folder), "--loop", "--count", str(count)]
    done = subprocess.run(line, cwd=home.ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def warm_rate() -> float:
    """Return images a second of the job's micro-batches after the first, in which the JVM compiles what it runs."""
    lines = (home.logs() / f"{JOB}.progress.jsonl").read_text().splitlines()
    warm = [found for line in lines if (found := json.loads(line))["rows_in"]][1:]
    return 1000.0 * float(sum(found["rows_in"] for found in warm) / sum(found["batch_ms"] for found in warm))


def forget() -> None:
    for name in ("checkpoints", "tables", "rejects"):
        shutil.rmtree(home.home() / name, ignore_errors=True)
    (home.logs() / f"{JOB}.progress.jsonl").unlink(missing_ok=True)


def alone(function: Callable[[bytes], object], files: list[Path]) -> float:
    """Return images a second of a function in two processes that read the files themselves, warm."""
    measure = functools.partial(measured_file, function)
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        pool.map(measure, files[: len(files) // 4])
        begun = time.perf_counter()
        pool.map(measure, files, chunksize=8)
        return len(files) / (time.perf_counter() - begun)


def measured_file(function: Callable[[bytes], object], path: Path) -> None:
    function(path.read_bytes())


def rate(rounds: int, count: int, options: Iterable[str]) -> None:
    with rig() as folder:
        files = image_set.write(folder / "set", image_set.mixed(DISTINCT))
        print(produce(folder / "set", count), end="")
        found: dict[str, list[float]] = {"ours": [], "our measures alone": [], "plain Pillow": []}
        for number in range(1, rounds + 1):
            forget()
            drain(*options)
            found["ours"].append(warm_rate())
            found["our measures alone"].append(alone(analyse, files))
            found["plain Pillow"].append(alone(measured_plainly, files))
            told = ", ".join(f"{name} {rates[-1]:,.0f}/s" for name, rates in found.items())
            print(f"round {number}: {told}", flush=True)
    for name in ("our measures alone", "plain Pillow"):
        ratio = statistics.median(mine / other for mine, other in zip(found["ours"], found[name], strict=True))
        print(f"ours is {ratio:.2f} times {name} (median of {rounds} rounds)")


# What a process of the job is known by in its command line.
KINDS = {"JVM": "SparkSubmit", "Python worker": "pyspark.daemon", "decoder": "image_worker"}


class Memory(threading.Thread):
    """Watches the largest resident memory of the job's JVM, Python workers and decoders, in MiB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.most: dict[str, float] = {}

    def run(self) -> None:
        while not self.done.wait(LOOK_SECONDS):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line, status = (process / "cmdline").read_text(), (process / "status").read_text()
                except OSError:
                    continue
                for kind, word in KINDS.items():
                    if word in line and (kib := re.search(r"VmHWM:\s+(\d+)", status)):
                        self.most[kind] = max(self.most.get(kind, 0.0), int(kib[1]) / 1024)


def flow(options: Iterable[str]) -> None:
    with rig() as folder:
        image_set.write(folder / "set", image_set.small(SMALL_IMAGES))
        memory = Memory()
        memory.start()
        print(f"producer alone: {produce(folder / 'set', SMALL_IMAGES)}", end="")
        drain(*options)
        memory.done.set()
        summary = delta_files.summary("images")
        rejected = delta_files.summary(f"rejects/{JOB}")
        sizes = ", ".join(f"{kind} {mib:,.0f} MiB" for kind, mib in memory.most.items())
        print(f"{warm_rate():,.0f} images/s from the first micro-batch on; {sizes} at most, each")
        size = f"{summary.files} files, {summary.size / 1e6:.1f} MB in all"
        print(f"table: {summary.rows:,} rows, {rejected.rows:,} rejected, {size}")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks analytics", description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=2400, help="images that wait in Kafka")
    options, spark_options = parser.parse_known_args(argv)
    parts = options.part or PARTS
    print(machine())
    if "rate" in parts:
        rate(options.rounds, options.count, spark_options)
    if "flow" in parts:
        flow(spark_options)
    return 0
