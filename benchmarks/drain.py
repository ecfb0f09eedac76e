"""How fast a backlog becomes alerts and table rows: python -m benchmarks drain [--rows 3000000] [--runs 3].

Counted from the start of each query to the end of its last batch. The peer drains the same topic in the same run.
"""

import argparse
import json
import shutil
import statistics
import sys
from datetime import datetime

from arus import home
from benchmarks.rig import machine, rig, run_peer, start_job

PARTS = {
    "alerts": ("temperature_filter", "temperature_filter.alerts"),
    "readings": ("temperature_filter", "temperature_filter.tables"),
    "retail": ("retail_ingest", "retail_ingest.tables"),
}

FOUND: dict[str, list[tuple[float, float]]] = {}


def ours(job: str, *options: str) -> None:
    for name in ("checkpoints", "tables", "rejects"):
        shutil.rmtree(home.home() / name, ignore_errors=True)
    (home.logs() / f"{job}.progress.jsonl").unlink(missing_ok=True)
    if start_job(job, "--conf", "spark.arus.trigger=availableNow", *options).wait():
        sys.exit((home.logs() / f"{job}.out").read_text())


def rate(job: str, query: str) -> float:
    """Return rows per second from the query's start to its end."""
    status = json.loads((home.run() / f"{job}.status.json").read_text())["queries"][query]
    begun, ended = (datetime.fromisoformat(status[when]) for when in ("started", "ended"))
    return float(status["total"]["rows_in"] / (ended - begun).total_seconds())


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks drain", description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given again")
    options, spark_options = parser.parse_known_args(argv)
    parts = options.part or list(PARTS)
    print(machine())
    with rig():
        for what in sorted({"retail" if part == "retail" else "readings" for part in parts}):
            run_peer("backlog", what, str(options.rows))
        for run in range(options.runs):
            for part in parts:
                job, query = PARTS[part]
                ours(job, *spark_options)
                [peer] = run_peer("peer", part)
                report(part, run, rate(job, query), peer["rows"] / peer["seconds"])
    for part in parts:
        mine, peers = zip(*FOUND[part], strict=True)
        middle, peer_middle = statistics.median(mine), statistics.median(peers)
        print(f"{part}: median of {options.runs}: {middle:,.0f} rows/s, peer {peer_middle:,.0f} rows/s")
    return 0


def report(part: str, run: int, mine: float, peer: float) -> None:
    FOUND.setdefault(part, []).append((mine, peer))
    print(f"{part} run {run + 1}: {mine:,.0f} rows/s, peer {peer:,.0f} rows/s, {mine / peer:.2f} times", flush=True)
