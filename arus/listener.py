"""What each query did, batch by batch: one JSON line in the log folder, one status file, one line on the console."""

import json
import os
import threading
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from pyspark import SparkContext
from pyspark.sql.streaming.listener import (
    JStreamingQueryListener,
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)

from arus import home
from arus.text import number_of
from arus.whole_files import write_atomically

REPORT_PATIENCE_SECONDS = 5.0
# Of logs/<job>.progress.jsonl: some 60,000 micro-batches.
LONGEST_FILE_BYTES = 20_000_000


class Counts(NamedTuple):
    """What a table's batch counts itself: its records, those rejected, those of which the time was of no use.

    `written`: the rows of the table, where that is not one for each record that was not rejected.
    """

    records: int
    rejected: int
    time_faults: int = 0
    written: int | None = None

    @property
    def rows_out(self) -> int:
        return self.records - self.rejected if self.written is None else self.written


class BatchListener(StreamingQueryListener):
    """Writes `logs/<job>.progress.jsonl` and `run/<job>.status.json`, which `python -m arus status` reads."""

    def __init__(self, job: str) -> None:
        self.job = job
        self.lines = home.logs() / f"{job}.progress.jsonl"
        self.status_file = home.run() / f"{job}.status.json"
        self.queries: dict[str, dict[str, Any]] = {}
        self.present: dict[str, Any] = {"state": "starting", "doing": "", "error": None}
        self.idle: set[str] = set()
        self.counts: dict[tuple[str, int], Counts] = {}
        self.lock = threading.Lock()
        self.ended = threading.Semaphore(0)

    def note(self, state: str, doing: str = "", error: str | None = None) -> None:
        """Tell `status` what the job as a whole is at: a word, and in words what it does or waits for."""
        self.present = {"state": state, "doing": doing, "error": error}
        self._write()

    def note_waiting(self, what: str) -> None:
        """Tell `status` what is waited for between two rounds of work; the console hears of it once."""
        if self.present["state"] != "waiting":
            print(f"{self.job}: waiting for {what}", flush=True)
        self.note("waiting", f"for {what}")

    def say_waiting(self, line: str) -> None:
        """Say on the console, and to `status`, what is waited for before any query can run."""
        print(f"{self.job}: {line}", flush=True)
        self.note("starting", line)

    def count(self, query: str, batch_id: int, counts: Counts) -> None:
        """Keep what a batch counted, until it is reported."""
        with self.lock:
            self.counts[query, batch_id] = counts

    def note_partitions(self, query: str, counts: Mapping[str, int]) -> None:
        """Tell that a query was started again because its topics have got partitions, and how many they have now."""
        told = ", ".join(f"{topic} has {count} partitions" for topic, count in sorted(counts.items()))
        print(f"{query}: {told}: started again, to read the new ones", flush=True)
        self._update(query, {"partitions": {"at": _now(), "now": dict(counts)}})

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802
        self.present = {"state": "running", "doing": "", "error": None}
        self._update(event.name or "", {"state": "running", "started": _now(), "id": str(event.id), "error": None})

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        self.take(json.loads(event.progress.json))

    @property
    def _jlistener(self) -> Any:
        jvm: Any = SparkContext._jvm
        return jvm.PythonStreamingQueryListenerWrapper(_Events(self))

    def take(self, progress: dict[str, Any]) -> None:
        """Keep what a progress report says of a batch, and tell of it."""
        name = progress.get("name") or ""
        with self.lock:
            batch = summary(progress, self.counts.pop((name, int(progress["batchId"])), None))
        append_line(self.lines, json.dumps({"query": name, **batch}))
        self._update(name, {**batch, "total": self._totals(name, batch)})
        if batch["rows_in"]:
            self.idle.discard(name)
            print(line(name, batch), flush=True)

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        name = self._name(str(event.id))
        if self.queries.get(name, {}).get("lag") != 0:
            self._update(name, {"lag": 0})
        if name not in self.idle:
            self.idle.add(name)
            print(f"{name}: nothing new in its topics; it waits for more", flush=True)

    def has_caught_up(self, query: str) -> bool:
        """Return whether the query had read all that was there when it last looked."""
        return self.queries.get(query, {}).get("lag") == 0

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        error = event.exception.splitlines()[0] if event.exception else None
        name = self._name(str(event.id))
        self._update(name, {"state": "failed" if error else "stopped", "error": error, "ended": _now()})
        self.ended.release()

    def await_ended(self, queries: int) -> None:
        """Wait until the last batches of so many ended queries are reported: Spark tells of them a little later."""
        for _ in range(queries):
            self.ended.acquire(timeout=REPORT_PATIENCE_SECONDS)

    def _name(self, query_id: str) -> str:
        return next((name for name, query in self.queries.items() if query.get("id") == query_id), "")

    def _totals(self, query: str, batch: dict[str, Any]) -> dict[str, int]:
        before = self.queries.get(query, {}).get("total", {})
        counted = {name: batch[name] or 0 for name in ("rows_in", "rows_out", "rejected", "time_faults")}
        counted["batches"] = 1
        return {name: before.get(name, 0) + count for name, count in counted.items()}

    def _update(self, query: str, changes: dict[str, Any]) -> None:
        with self.lock:
            self.queries.setdefault(query, {}).update(changes)
        self._write()

    def _write(self) -> None:
        with self.lock:
            status = {"job": self.job, "pid": os.getpid(), "updated": _now(), **self.present, "queries": self.queries}
            write_atomically(self.status_file, json.dumps(status, indent=1))


class _Events(JStreamingQueryListener):
    """Takes a progress report as JSON, in one call.

    PySpark makes Python objects of all its parts, by hundreds of calls to the JVM: a sixth of what a job did here.
    """

    def onQueryProgress(self, jevent: Any) -> None:  # noqa: N802
        self.pylistener.take(json.loads(jevent.progress().json()))  # type: ignore[attr-defined]


def summary(progress: dict[str, Any], counts: Counts | None) -> dict[str, Any]:
    """Return what matters of a StreamingQueryProgress: rows, lag (rows behind the topic), state rows, time (ms).

    A table's batch counts its rows itself: Spark counts a record each time that it is read, and rejects are read twice.
    The lag of a batch that is done again after a crash is not known (None): Spark has not asked for the topic's ends
    then.
    """
    sink_rows = progress["sink"].get("numOutputRows", -1)
    written = sink_rows if sink_rows >= 0 else None
    counted = counts or Counts(progress["numInputRows"], rejected=0)
    lags: list[Any] = [(source.get("metrics") or {}).get("maxOffsetsBehindLatest") for source in progress["sources"]]
    return {
        "at": progress["timestamp"],
        "batch": progress["batchId"],
        "rows_in": counted.records,
        "rows_out": counts.rows_out if counts else written,
        "rejected": counted.rejected,
        "time_faults": counted.time_faults,
        "lag": int(max(map(float, lags))) if lags and None not in lags else None,
        "batch_ms": progress["durationMs"].get("triggerExecution", progress.get("batchDuration", 0)),
        "state_rows": sum(operator["numRowsTotal"] for operator in progress["stateOperators"]),
        "state_bytes": sum(operator["memoryUsedBytes"] for operator in progress["stateOperators"]),
        "late_rows": sum(operator["numRowsDroppedByWatermark"] for operator in progress["stateOperators"]),
    }


def line(query: str, batch: dict[str, Any]) -> str:
    """Return a batch as one line for the console."""
    seconds = batch["batch_ms"] / 1000
    rate = batch["rows_in"] / seconds if seconds else 0
    lag = "unknown" if batch["lag"] is None else f"{batch['lag']:,}"
    faults = f"{batch['time_faults']:,} with an unusable time, " if batch["time_faults"] else ""
    rows = number_of(batch["rows_in"], "row")
    return (
        f"{query} batch {batch['batch']}: {rows} in {seconds:.2f} s ({rate:,.0f}/s), "
        f"{batch['rejected']:,} rejected, {faults}lag {lag}"
    )


def append_line(path: Path, text: str) -> None:
    """Append a line; a file that has grown too long is put aside first, in the place of the one before."""
    if path.exists() and path.stat().st_size > LONGEST_FILE_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    with path.open("a") as file:
        file.write(text + "\n")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
