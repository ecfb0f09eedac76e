"""The server's metrics as Prometheus text (exposition format 0.0.4)."""

import os
import platform
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from server.catalog import Snapshot
from server.counters import BUCKET_SECONDS, UPLOAD_EVENTS, Counters

Sample = tuple[str, dict[str, object], float]


def text_of(counters: Counters, snapshot: Snapshot, waiting: tuple[int, int]) -> str:
    """Return the metrics of all workers together; `waiting`: uploads without a result, in number and bytes."""
    return "".join(
        [
            *_requests(counters),
            *_durations(counters),
            *_models(counters, snapshot),
            *_champion(snapshot),
            *_uploads(counters, waiting),
            *_processes(counters),
        ]
    )


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for suffix, labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(str(given))}"' for label, given in labels.items())
        yield f"{name}{suffix}{{{inside}}} {value}\n" if inside else f"{name}{suffix} {value}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _requests(counters: Counters) -> Iterator[str]:
    samples: list[Sample] = [
        ("", {"route": route, "method": method, "status": status}, count)
        for route, method, status, count in counters.requests()
    ]
    return _family("arus_http_requests_total", "counter", "Requests answered, by all workers.", samples)


def _durations(counters: Counters) -> Iterator[str]:
    samples: list[Sample] = []
    bounds = [*(str(bound) for bound in BUCKET_SECONDS), "+Inf"]
    for route, counts, seconds in counters.durations():
        so_far = 0
        for bound, count in zip(bounds, counts, strict=True):
            so_far += count
            samples.append(("_bucket", {"route": route, "le": bound}, so_far))
        samples += [("_sum", {"route": route}, seconds), ("_count", {"route": route}, so_far)]
    text = "Seconds from the request until its answer was ready to be sent."
    return _family("arus_http_request_duration_seconds", "histogram", text, samples)


def _models(counters: Counters, snapshot: Snapshot) -> Iterator[str]:
    events = counters.events()
    yield from _family("arus_models", "gauge", "Models that can answer.", [("", {}, len(snapshot.models))])
    yield from _family("arus_models_damaged", "gauge", "Models refused.", [("", {}, len(snapshot.damaged))])
    text = "Models loaded; each worker loads for itself."
    yield from _family("arus_model_loads_total", "counter", text, [("", {}, events["load"])])
    text = "Models found damaged; each worker looks for itself."
    yield from _family("arus_model_refusals_total", "counter", text, [("", {}, events["refusal"])])


def _champion(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.champion is None:
        return
    summary = snapshot.champion.summary
    yield from _family("arus_champion_model", "gauge", "Number of the champion.", [("", {}, summary["model_number"])])
    trained = datetime.fromisoformat(summary["trained_at"].replace("Z", "+00:00")).timestamp()
    age: list[Sample] = [("", {}, round(time.time() - trained, 3))]
    yield from _family("arus_champion_age_seconds", "gauge", "Seconds since the champion was trained.", age)
    silhouettes: list[Sample] = [("", {"view": view}, found["silhouette"]) for view, found in summary["views"].items()]
    yield from _family("arus_champion_silhouette", "gauge", "Silhouette of each view's clustering.", silhouettes)


def _uploads(counters: Counters, waiting: tuple[int, int]) -> Iterator[str]:
    events = counters.events()
    samples: list[Sample] = [("", {"outcome": event.partition("_")[2]}, events[event]) for event in UPLOAD_EVENTS]
    yield from _family("arus_uploads_total", "counter", "Files uploaded; unsent: Kafka did not take it.", samples)
    yield from _family("arus_uploads_waiting", "gauge", "Images without a result yet.", [("", {}, waiting[0])])
    yield from _family("arus_uploads_waiting_bytes", "gauge", "Their size.", [("", {}, waiting[1])])


def _processes(counters: Counters) -> Iterator[str]:
    labels: dict[str, object] = {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
    }
    yield from _family("python_info", "gauge", "The Python that runs the server.", [("", labels, 1)])
    alive = {pid: found for pid in counters.pids() if (found := _usage(pid))}
    yield from _family("arus_workers", "gauge", "Processes that answer.", [("", {}, len(alive) or 1)])
    memory: list[Sample] = [("", {"pid": pid}, found[0]) for pid, found in alive.items()]
    yield from _family("arus_worker_resident_memory_bytes", "gauge", "Memory of each worker.", memory)
    seconds: list[Sample] = [("", {"pid": pid}, found[1]) for pid, found in alive.items()]
    yield from _family("arus_worker_cpu_seconds_total", "counter", "Processor time of each worker.", seconds)


def _usage(pid: int) -> tuple[int, float] | None:
    """Return resident bytes and processor seconds of a process, or None where it is gone or /proc tells nothing."""
    try:
        memory = Path(f"/proc/{pid}/statm").read_text().split()
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    ticks = int(times[11]) + int(times[12])
    return int(memory[1]) * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK")
