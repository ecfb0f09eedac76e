"""How fast a backlog becomes alerts and table rows: python -m benchmarks drain [--rows 3000000] [--runs 3].

Counted from the start of each query to the end of its last batch; `warm` is the median of its full micro-batches but
the first. Spark as people write it, and for tables a Python process without Spark, drain the same topic in the same
run. With --one-in 100, one message in a hundred is cut short: the peers cannot do that, and are left out. With --beside
FOLDER, another checkout of Arus, made ready to run, drains the same topic in the same run.
"""

import argparse
import json
import shutil
import statistics
import sys
from datetime import datetime
from pathlib import Path

from arus import home
from benchmarks.rig import machine, rig, run_peer, run_python, start_job

PARTS = {
    "alerts": ("temperature_filter", "temperature_filter.alerts"),
    "readings": ("temperature_filter", "temperature_filter.tables"),
    "retail": ("retail_ingest", "retail_ingest.tables"),
}
# Records of a micro-batch: the backlog is a handful of them, so that there are some after the first.
BATCH_ROWS = 500_000
FULL_ROWS = 0.9 * BATCH_ROWS

Rates = dict[str, float]


def drained(job: str, query: str, *options: str, checkout: Path = home.ROOT) -> Rates:
    """Return rows per second from the query's start to its end, and of its warm micro-batches."""
    for name in ("checkpoints", "tables", "rejects"):
        shutil.rmtree(home.home() / name, ignore_errors=True)
    (home.logs() / f"{job}.progress.jsonl").unlink(missing_ok=True)
    if start_job(job, "--conf", "spark.arus.trigger=availableNow", *options, checkout=checkout).wait():
        sys.exit((home.logs() / f"{job}.out").read_text())
    status = json.loads((home.run() / f"{job}.status.json").read_text())["queries"][query]
    begun, ended = (datetime.fromisoformat(status[when]) for when in ("started", "ended"))
    found = {"arus": float(status["total"]["rows_in"] / (ended - begun).total_seconds())}
    batches = map(json.loads, (home.logs() / f"{job}.progress.jsonl").read_text().splitlines())
    full = [each for each in batches if each["query"] == query and each["rows_in"] > FULL_ROWS]
    warm = [1000 * each["rows_in"] / each["batch_ms"] for each in full[1:]]
    return found | ({"arus, warm": statistics.median(warm)} if warm else {})


def peers(part: str) -> Rates:
    results = {"spark": run_peer("peer", part)[0]}
    if part != "alerts":
        results["process"] = run_python("process_peer", part)
    return {name: result["rows"] / result["seconds"] for name, result in results.items()}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks drain", description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument(
        "--beside",
        type=lambda text: Path(text).resolve(),
        metavar="FOLDER",
        help="another checkout of Arus, to drain as well",
    )
    parser.add_argument("--one-in", type=int, default=0, metavar="N", help="cut one message in N short")
    options, spark_options = parser.parse_known_args(argv)
    parts = options.part or list(PARTS)
    found: dict[str, list[Rates]] = {part: [] for part in parts}
    all_options = ("--conf", f"spark.arus.max-offsets-per-trigger={BATCH_ROWS}", *spark_options)
    print(machine())
    with rig():
        for what in sorted({"retail" if part == "retail" else "readings" for part in parts}):
            run_peer("backlog", what, str(options.rows), str(options.one_in))
        for run in range(options.runs):
            for part in parts:
                there = drained(*PARTS[part], *all_options, checkout=options.beside) if options.beside else {}
                beside = {f"beside: {name}": rate for name, rate in there.items()}
                here = drained(*PARTS[part], *all_options)
                found[part].append(here | beside | ({} if options.one_in else peers(part)))
                print(f"{part} run {run + 1}: {text(found[part][-1])}", flush=True)
    for part in parts:
        medians = {name: statistics.median(each[name] for each in found[part]) for name in found[part][0]}
        print(f"{part}, median of {options.runs}: {text(medians)}")
    return 0


def text(rows_a_second: Rates) -> str:
    return ", ".join(f"{name} {rate:,.0f} rows/s" for name, rate in rows_a_second.items())
