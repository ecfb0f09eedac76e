"""Whether a job runs, asked without leaving a trace."""

from pathlib import Path

import pytest

from arus import locks
from tests.server.uploading import resizing

JOB = "image_resize"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARUS_HOME", str(tmp_path))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    return tmp_path


def test_a_job_that_never_ran_does_not_run_and_nothing_is_made(home: Path) -> None:
    assert locks.runs(JOB) is False
    assert list(home.iterdir()) == []


@pytest.mark.usefixtures("home")
def test_a_job_runs_as_long_as_its_lock_is_held() -> None:
    with resizing():
        assert [locks.runs(JOB), locks.runs("another")] == [True, False]
    assert locks.runs(JOB) is False


@pytest.mark.usefixtures("home")
def test_a_lock_that_cannot_be_read_tells_nothing() -> None:
    locks.path_of(f"checkpoints/{JOB}").mkdir()
    assert locks.runs(JOB) is None


@pytest.mark.usefixtures("home")
def test_of_a_store_elsewhere_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARUS_STORE", "s3a://bucket/arus")
    assert locks.runs(JOB) is None


def test_who_asks_writes_nothing(home: Path) -> None:
    file = locks.path_of(f"checkpoints/{JOB}")
    file.write_text("{}")
    file.chmod(0o444)
    before = file.stat()
    assert locks.runs(JOB) is False
    assert (file.read_text(), file.stat().st_mtime_ns) == ("{}", before.st_mtime_ns)
    assert [path.name for path in home.rglob("*.lock")] == [file.name]
