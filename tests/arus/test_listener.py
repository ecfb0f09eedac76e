"""The pure parts of the listener: what is kept of Spark's progress, and the line on the console."""

from pathlib import Path
from typing import Any

import pytest

from arus import listener
from arus.listener import Counts, append_line, line, summary

# Cut down from what Spark 4.2 reports: a micro-batch with a Kafka source, no state, and a foreachBatch sink.
PROGRESS: dict[str, Any] = {
    "id": "abe09fff-2037-4a4b-95f0-8cc01985c93f",
    "name": "retail_ingest.tables",
    "timestamp": "2026-11-21T13:00:55.596Z",
    "batchId": 8,
    "batchDuration": 3313,
    "numInputRows": 300000,
    "durationMs": {"addBatch": 3200, "triggerExecution": 3313},
    "stateOperators": [],
    "sources": [{"description": "KafkaV2[Subscribe[retail_stream]]", "metrics": {"maxOffsetsBehindLatest": "151910"}}],
    "sink": {"description": "ForeachBatchSink", "numOutputRows": -1},
}


def test_a_batch_is_summed_up_with_what_the_query_counted() -> None:
    assert summary(PROGRESS, Counts(300_000, 10, 2)) == {
        "at": "2026-11-21T13:00:55.596Z",
        "batch": 8,
        "rows_in": 300_000,
        "rows_out": 299_990,
        "rejected": 10,
        "time_faults": 2,
        "lag": 151_910,
        "batch_ms": 3313,
        "state_rows": 0,
        "state_bytes": 0,
        "late_rows": 0,
    }


@pytest.mark.parametrize(("sink_rows", "rows_out"), [(7, 7), (0, 0), (-1, None)])
def test_uncounted_rows_are_the_sinks_or_unknown(sink_rows: int, rows_out: int | None) -> None:
    batch = summary(PROGRESS | {"sink": {"numOutputRows": sink_rows}}, None)
    assert (batch["rows_out"], batch["rejected"]) == (rows_out, 0)


def test_the_lag_is_the_worst_of_the_sources_and_unknown_where_one_does_not_tell() -> None:
    sources = [{"metrics": {"maxOffsetsBehindLatest": "3"}}, {"metrics": {"maxOffsetsBehindLatest": "5.0"}}]
    assert summary(PROGRESS | {"sources": sources}, None)["lag"] == 5
    for unknown in ([{"metrics": None}], [], [*sources, {}], [*sources, {"metrics": {}}]):
        assert summary(PROGRESS | {"sources": unknown}, None)["lag"] is None
    assert line("q", summary(PROGRESS | {"sources": []}, None)).endswith("lag unknown")


def test_the_state_of_all_operators_is_added_up() -> None:
    operators = [
        {"numRowsTotal": 10, "numRowsDroppedByWatermark": 1, "memoryUsedBytes": 100},
        {"numRowsTotal": 5, "numRowsDroppedByWatermark": 2, "memoryUsedBytes": 20},
    ]
    batch = summary(PROGRESS | {"stateOperators": operators}, None)
    assert (batch["state_rows"], batch["state_bytes"], batch["late_rows"]) == (15, 120, 3)


def test_a_real_time_batch_has_its_duration_elsewhere() -> None:
    assert summary(PROGRESS | {"durationMs": {"addBatch": 1}}, None)["batch_ms"] == 3313


def test_a_batch_is_one_line_on_the_console() -> None:
    begin, end = "retail_ingest.tables batch 8: 300,000 rows in 3.31 s (90,552/s), 10 rejected, ", "lag 151,910"
    assert line("retail_ingest.tables", summary(PROGRESS, Counts(300_000, 10))) == begin + end
    faults = line("retail_ingest.tables", summary(PROGRESS, Counts(300_000, 10, 2_000)))
    assert faults == f"{begin}2,000 with an unusable time, {end}"


def test_a_batch_without_a_duration_has_no_rate() -> None:
    batch = summary(PROGRESS | {"durationMs": {}, "batchDuration": 0}, None)
    assert line("q", batch) == "q batch 8: 300,000 rows in 0.00 s (0/s), 0 rejected, lag 151,910"


def test_a_file_of_lines_that_has_grown_too_long_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "LONGEST_FILE_BYTES", 10)
    lines = tmp_path / "job.progress.jsonl"
    for text in ("one", "two", "three", "four"):
        append_line(lines, text)
    assert lines.read_text() == "four\n"
    assert (tmp_path / "job.progress.jsonl.1").read_text() == "one\ntwo\nthree\n"
