"""What a driver does that has lost its executors."""

from pathlib import Path

import pytest

from arus.listener import BatchListener
from arus.streaming.executor_watch import ExecutorWatch


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARUS_HOME", str(tmp_path))
    monkeypatch.setenv("ARUS_PATIENCE_SECONDS", "60")


def ticked(counts: list[int], seconds: float) -> tuple[BatchListener, list[str]]:
    """Let the watch of a job that trains tick once for each count; return what it told."""
    status, left = BatchListener("retail_train"), iter(counts)
    status.note("training", "step 2 of 7")
    reasons: list[str] = []
    watch = ExecutorWatch(lambda: next(left), status, reasons.append)
    for _ in counts:
        watch.tick(seconds)
    return status, reasons


def test_a_minute_without_an_executor_is_given_up() -> None:
    _, reasons = ticked([2, 0, 0, 0], 20)
    assert reasons == ["the cluster has left this job without an executor for 60 s"]


def test_an_executor_in_between_begins_the_minute_anew() -> None:
    _, reasons = ticked([0, 0, 1, 0, 0], 20)
    assert reasons == []


def test_meanwhile_the_job_says_that_it_waits_and_afterwards_what_it_does() -> None:
    waiting, _ = ticked([1, 0], 3)
    assert waiting.present["state"] == "waiting"
    assert "for an executor, up to 60 s" in waiting.present["doing"]
    again, _ = ticked([1, 0, 0, 1], 3)
    assert again.present == {"state": "training", "doing": "step 2 of 7", "error": None}
