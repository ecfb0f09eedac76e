"""`python -m arus status`, from the listener's files and real locks, beside a port that nobody serves."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from arus import locks, status
from arus.home import ROOT
from tests.conftest import Broker, free_port

JOB = "temperature_filter"
NOW = datetime.now(timezone.utc)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "arus home"
    (folder / "run").mkdir(parents=True)
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{free_port()}")
    return folder


@pytest.fixture
def running() -> Iterator[Callable[[str, datetime], None]]:
    """Hold a job's lock in another process, as the job's JVM does."""
    hold = (
        "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.lockf(file, fcntl.LOCK_EX);"
        "file.write(sys.argv[2]); file.flush(); print('held', flush=True); sys.stdin.read()"
    )
    started: list[subprocess.Popen[str]] = []

    def start(job: str, since: datetime) -> None:
        who = json.dumps({"job": job, "pid": 42, "since": since.isoformat(timespec="seconds")})
        command = [sys.executable, "-c", hold, str(locks.path_of(f"checkpoints/{job}")), who]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == "held\n"

    yield start
    for process in started:
        process.communicate()


def query(**more: Any) -> dict[str, Any]:
    return {
        "state": "running",
        "started": NOW.isoformat(timespec="milliseconds"),
        "id": "abe09fff",
        "error": None,
        "at": (NOW - timedelta(seconds=30)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "batch": 8,
        "rows_in": 300_000,
        "rows_out": 299_990,
        "rejected": 10,
        "lag": 151_910,
        "batch_ms": 3313,
        "state_rows": 0,
        "late_rows": 0,
        "total": {"rows_in": 2_700_000, "rows_out": 2_699_910, "rejected": 90, "batches": 9},
        **more,
    }


def report(
    home: Path, job: str, state: str = "running", doing: str = "", error: str | None = None, **queries: dict[str, Any]
) -> None:
    """Write what the job's listener would have written a moment ago."""
    present = {"state": state, "doing": doing, "error": error}
    facts = {"job": job, "pid": 7, "updated": NOW.isoformat(timespec="milliseconds"), **present, "queries": queries}
    (home / "run" / f"{job}.status.json").write_text(json.dumps(facts))


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert status.main([]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("home")
def test_where_nothing_ever_ran_the_next_command_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    address = status.broker()["address"]
    assert shown(capsys) == [
        f"broker: {address} does not answer: `python -m arus broker start`",
        "no job ever ran here: `make demo`, or `./spark-submit.sh temperature_filter`",
    ]


def test_a_running_query_is_told_in_totals(
    home: Path, running: Callable[[str, datetime], None], capsys: pytest.CaptureFixture[str]
) -> None:
    report(
        home,
        JOB,
        "running",
        "",
        None,
        **{f"{JOB}.tables": query(), f"{JOB}.alerts": query(total={}, lag=0, batch=None)},
    )
    running(JOB, NOW - timedelta(minutes=1))
    lines = shown(capsys)
    assert lines[2] == f"{JOB}: running"
    assert lines[4].split()[:-1] == ["tables", "running", "8", "2.7M", "2.7M", "90", "151,910", "0", "3,313"]
    assert lines[5].split()[:-1] == ["alerts", "running", "-", "-", "-", "-", "0", "0", "3,313"]
    assert re.fullmatch(r"\d+[smh]", lines[4].split()[-1])
    assert max(map(len, lines)) <= 100


@pytest.mark.usefixtures("home")
def test_unusable_times_and_new_partitions_are_told_below_a_query(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    partitions = {"at": NOW.isoformat(), "now": {"sensor-suhu-gudang": 3, "sensor-kelembaban-gudang": 2}}
    total = {"rows_in": 9, "rows_out": 9, "rejected": 0, "time_faults": 1_200, "batches": 1}
    report(home, JOB, a=query(total=total, partitions=partitions))
    lines = shown(capsys)
    at = next(number for number, line in enumerate(lines) if line.startswith("  a "))
    assert lines[at + 1 : at + 3] == [
        "    1,200 with an unusable time count at Kafka's: see time_fault in the table",
        f"    new partitions since {NOW:%Y-%m-%d %H:%M}Z: sensor-kelembaban-gudang has 2, sensor-suhu-gudang has 3",
    ]
    assert max(map(len, lines[at:])) <= 100


def test_a_query_that_runs_by_its_file_but_holds_no_lock_was_killed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report(home, JOB, a=query(), b=query(state="stopped"))
    lines = shown(capsys)
    log = home / "logs" / f"{JOB}.log"
    assert lines[2:4] == [
        f"{JOB}: killed",
        f"  it ended without a word: see {log}; start it again, nothing is lost",
    ]
    assert [line.split()[1] for line in lines[5:7]] == ["killed", "stopped"]


def test_what_a_job_does_or_waits_for_is_told_beside_its_state(
    home: Path, running: Callable[[str, datetime], None], capsys: pytest.CaptureFixture[str]
) -> None:
    report(home, "retail_train", "training", "model 1: customers done, step 2 of 6")
    running("retail_train", NOW - timedelta(minutes=1))
    assert shown(capsys)[2] == "retail_train: training: model 1: customers done, step 2 of 6"


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_a_job_that_ended_in_order_or_by_an_error_is_what_it_says(home: Path, state: str) -> None:
    report(home, JOB, state, error="no Kafka answers" if state == "failed" else None)
    found = status.job(JOB)
    assert (found["state"], found["error"]) == (state, "no Kafka answers" if state == "failed" else None)


@pytest.mark.parametrize("state", ["starting", "running", "training", "waiting", "stopping"])
def test_a_job_that_was_at_work_and_holds_no_lock_was_killed(home: Path, state: str) -> None:
    report(home, JOB, state, "model 1: customers done, step 2 of 6")
    assert (status.job(JOB)["state"], status.job(JOB)["doing"]) == ("killed", "")


def test_a_failure_is_told_in_a_line_that_fits(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(home, JOB, "failed", tables=query(state="failed", error="[STREAM_FAILED] " + "very long " * 30))
    lines = shown(capsys)
    assert lines[5].startswith("    last error: [STREAM_FAILED] very long")
    assert lines[5].endswith(" ...")
    assert len(lines[5]) == 100


def test_a_job_that_has_not_reported_since_it_started_is_starting(
    home: Path, running: Callable[[str, datetime], None]
) -> None:
    report(home, JOB, tables=query(state="failed", error="of the run before"))
    running(JOB, NOW + timedelta(seconds=5))
    running("retail_ingest", NOW)
    assert status.jobs() == {
        "retail_ingest": {"state": "starting", "doing": "", "queries": {}},
        JOB: {"state": "starting", "doing": "", "queries": {}},
    }


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"queries": {"a": {}}}'])
def test_a_damaged_file_is_said_and_does_not_hide_the_others(
    home: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report(home, "retail_ingest", "stopped", tables=query(state="stopped"))
    (home / "run" / f"{JOB}.status.json").write_text(text)
    lines = shown(capsys)
    assert "retail_ingest: stopped" in lines
    assert f"{JOB}: unknown" in lines


def test_json_has_a_key_for_each_job_and_the_broker(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(home, JOB, "stopped", tables=query(state="stopped"))
    report(home, "retail_ingest", "stopped", tables=query(state="stopped"))
    assert status.main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["jobs"]) == ["retail_ingest", JOB]
    facts = found["jobs"][JOB]["queries"]["tables"]
    assert facts.pop("age_s") >= 30
    assert facts == query(state="stopped")
    assert found["broker"] == {"address": status.broker()["address"], "answers": False}


def test_a_wrong_address_is_told_and_hides_no_job(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "nowhere")
    report(home, JOB, "stopped", tables=query(state="stopped"))
    lines = shown(capsys)
    assert lines[0].startswith("broker: KAFKA_BOOTSTRAP_SERVERS has 'nowhere' where host:port is needed")
    assert f"{JOB}: stopped" in lines


@pytest.mark.e2e
def test_a_broker_that_answers_is_told(broker: Broker) -> None:
    assert status.broker() == {"address": broker.address, "answers": True}


def test_status_needs_no_spark(home: Path) -> None:
    report(home, JOB, "stopped", tables=query(state="stopped"))
    (home / "run" / f"{JOB}.board.json").write_text('{"present": [], "sensors": []}')
    ask = "import sys; from arus import __main__; __main__.main(['status']); sys.exit('pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", ask], cwd=ROOT, check=False, capture_output=True).returncode == 0
