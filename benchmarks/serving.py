"""Predictions over HTTP: python -m benchmarks serving [--part requests|lists|swaps] [--rounds 3] [--seconds 10].

The server as `make up` runs it, on models made by hand. Requests: one prediction each, beside an empty route under the
same server and beside a Spark model in Flask, each driven in turn. Lists: of 1,000 predictions. Swaps: new models
become champion, one after the other, while requests without a model's number, lists of them and look-ups run.
"""

import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arus import models
from arus.model_writing import next_model, write_entities, write_facts
from benchmarks.load import Load, after, body_of, drive, get, post
from benchmarks.rig import machine, running

WORKERS = 2
LIST_ROWS = 1000
SWAP_ROWS = 20
# Requests at once; the Spark model answers no faster with more, only later.
CONNECTIONS = 8
WARM_UP_SECONDS = 2.0
SPARK_WARM_UP_SECONDS = 20.0
SWAP_LOOK_SECONDS = 0.02
CLUSTERS = 5
ASKED = {"model_number": "1", "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}
PATH = "/cluster-customer"


# --- models made by hand ---


def write_model() -> int:
    """Write the next model, sealed as a training does it, whose clusters are numbered as no other model's."""
    with next_model() as (number, draft):
        views = {view: {"entities": 1, "line": clustering(number)} for view in models.VIEWS}
        entity = {"cluster": number * CLUSTERS, "cluster_name": "", "segment": 0, "segment_name": "", "profile": {}}
        write_entities(draft, {view: [(str(ASKED["CustomerID"]), entity)] for view in models.VIEWS})
        facts = {"format": models.FORMAT, "model_number": number, "trained_at": "2026-11-21T22:10:05Z", "seconds": 1.0}
        facts |= {"table": {"name": "retail", "version": number}, "rows": {"used": 30_000}, "views": views}
        write_facts(draft, facts | {"promotion": {"promoted": True, "why": "made by hand"}})
    return number


def clustering(number: int) -> dict[str, Any]:
    clusters = [
        {"cluster": cluster, "name": str(cluster), "size": 10, "centroid": [place - 2.0, 2.0 - place], "typical": {}}
        for place, cluster in enumerate(range(number * CLUSTERS, (number + 1) * CLUSTERS))
    ]
    scaling = {"features": ["quantity", "unit_price"], "mean": [1.5, 1.0], "std": [0.8, 0.6]}
    return scaling | {"k": CLUSTERS, "silhouette": 0.4, "clusters": clusters}


def is_of_one_model(answer: Any) -> bool:
    """Return whether all of an answer is what one of the models made by hand says."""
    rows = answer if isinstance(answer, list) else [answer]
    named = {int(row["model_number"]) for row in rows}
    return len(named) == 1 and named == {row["cluster"] // CLUSTERS for row in rows}


# --- what is driven ---


@contextlib.contextmanager
def store() -> Iterator[None]:
    """A home of its own with one model, the champion."""
    folder = Path(tempfile.mkdtemp(prefix="arus bench "))
    os.environ["ARUS_HOME"] = str(folder)
    os.environ.pop("ARUS_STORE", None)
    try:
        models.promote(write_model())
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measured(port: int, requests: list[bytes], seconds: float, warm_up: float = WARM_UP_SECONDS) -> Load:
    """Drive for so long, after a warm-up on the same connections' like; an answer other than 200 ends the benchmark."""
    drive(port, requests, CONNECTIONS, after(warm_up))
    load = drive(port, requests, CONNECTIONS, after(seconds))
    if load.failures:
        sys.exit(f"{len(load.failures)} failed: {load.failures[0]}")
    return load


def in_words(load: Load, rows: int = 1) -> str:
    what = "requests" if rows == 1 else "rows"
    p50, p99 = load.milliseconds(50), load.milliseconds(99)
    return f"{rows * load.rate:,.{0 if load.rate > 100 else 1}f} {what}/s, p50 {p50:,.1f}, p99 {p99:,.1f} ms"


# --- the parts ---


def requests(rounds: int, seconds: float) -> None:
    """Print the rates of the server, of an empty route and of a Spark model, each driven in turn."""
    asked = [post(PATH, ASKED)]
    found: dict[str, list[Load]] = {"ours": [], "empty route": [], "Spark in Flask": []}
    with (
        running("server", "--port", "0", "--workers", str(WORKERS)) as ours,
        running("benchmarks.serving_peer", "empty") as empty,
        running("benchmarks.serving_peer", "spark") as spark,
    ):
        drive(spark, asked, CONNECTIONS, after(SPARK_WARM_UP_SECONDS))
        for number in range(1, rounds + 1):
            for (name, loads), port in zip(found.items(), (ours, empty, spark), strict=True):
                loads.append(measured(port, asked, seconds))
                print(f"round {number}, {name}: {in_words(loads[-1])}", flush=True)
    report(found)


def report(found: dict[str, list[Load]]) -> None:
    for name, loads in found.items():
        rate = statistics.median(load.rate for load in loads)
        p50, p99 = (statistics.median(load.milliseconds(percentile) for load in loads) for percentile in (50, 99))
        ratio = statistics.median(ours.rate / other.rate for ours, other in zip(found["ours"], loads, strict=True))
        beside = "" if name == "ours" else f"; ours is {ratio:,.2f} times that (median of the rounds' ratios)"
        print(f"{name}, median of {len(loads)}: {rate:,.1f} requests/s, p50 {p50:,.2f}, p99 {p99:,.2f} ms{beside}")
    busy = statistics.median(load.busy_seconds / load.seconds for load in found["ours"])
    print(f"the load itself takes {busy:.0%} of a core while it drives ours")


def lists(rounds: int, seconds: float) -> None:
    """Print how many rows a second are answered in lists."""
    rows = [{**ASKED, "Quantity": 1 + row % 60, "UnitPrice": 0.25 + row % 90} for row in range(LIST_ROWS)]
    asked = [post(PATH, rows)]
    with running("server", "--port", "0", "--workers", str(WORKERS)) as port:
        loads = []
        for number in range(1, rounds + 1):
            loads.append(measured(port, asked, seconds))
            print(f"round {number}, lists of {LIST_ROWS:,}: {in_words(loads[-1], LIST_ROWS)}", flush=True)
    rate = LIST_ROWS * statistics.median(load.rate for load in loads)
    print(f"lists of {LIST_ROWS:,}, median of {rounds}: {rate:,.0f} rows/s")


class Listener:
    """Hears the answers during swaps: which model each connection saw last, and which answers mix models."""

    def __init__(self) -> None:
        self.last: dict[int, int] = {}
        self.mixed: list[bytes] = []

    def hear(self, connection: int, answer: bytes) -> None:
        told = body_of(answer)
        if not is_of_one_model(told):
            self.mixed.append(answer)
        self.last[connection] = int((told[0] if isinstance(told, list) else told)["model_number"])


def swaps(times: int) -> None:
    """Print what failed while one model after the other became champion, once all connections saw the last."""
    champion = {name: value for name, value in ASKED.items() if name != "model_number"}
    asked = [post(PATH, champion), post(PATH, [champion] * SWAP_ROWS), get(f"/customers/{ASKED['CustomerID']}")]
    heard, done = Listener(), threading.Event()
    with running("server", "--port", "0", "--workers", str(WORKERS)) as port:
        swapping = threading.Thread(target=swap, args=(times, heard, done))
        swapping.start()
        load = drive(port, asked, CONNECTIONS, done.is_set, heard.hear)
        done.set()
        swapping.join()
    print(
        f"{times} swaps under load: {len(load.taken):,} requests, {len(load.failures)} failed, "
        f"{len(heard.mixed)} answers mix models; {in_words(load)}, max {1000 * max(load.taken):,.0f} ms"
    )
    for wrong in (load.failures[:1], heard.mixed[:1]):
        print(*wrong, sep="", end="\n" if wrong else "")


def swap(times: int, heard: Listener, done: threading.Event) -> None:
    for _ in range(times):
        number = write_model()
        models.promote(number)
        while not done.wait(SWAP_LOOK_SECONDS) and set(heard.last.values()) != {number}:
            pass
    done.set()


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks serving", description=__doc__)
    parser.add_argument("--part", choices=("requests", "lists", "swaps"), action="append", help="only this part")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of each round, after its warm-up")
    parser.add_argument("--swaps", type=int, default=200)
    options = parser.parse_args(argv)
    parts = options.part or ["requests", "lists", "swaps"]
    print(machine())
    with store():
        if "requests" in parts:
            requests(options.rounds, options.seconds)
        if "lists" in parts:
            lists(options.rounds, options.seconds)
        if "swaps" in parts:
            swaps(options.swaps)
    return 0
