"""`python -m arus reset`: everything of a job is moved aside, whole, and comes back by the commands it prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from arus import locks, reset
from arus.delta_files import summary
from arus.errors import ArusError
from arus.home import ROOT
from tests.arus.delta_tables import append, reading, rejected

JOB = "temperature_filter"
PLACES = [
    f"checkpoints/{JOB}",
    "tables/sensor_suhu",
    "tables/peringatan_suhu",
    f"rejects/{JOB}",
    f"run/{JOB}.status.json",
    f"run/replayed/{JOB}.jsonl",
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which the job has run, and another job as well."""
    folder = tmp_path / "arus home"
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    append(folder, "sensor_suhu", [reading(1), reading(2)])
    append(folder, "peringatan_suhu", [])
    append(folder, "retail", [])
    append(folder, f"rejects/{JOB}", [rejected(3, b"{")])
    for name in (f"checkpoints/{JOB}/tables/metadata", *PLACES[-2:], "checkpoints/retail_ingest/tables/metadata"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in a home but for locks, by place."""
    there = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in there}


def test_a_reset_moves_all_that_is_the_jobs_and_nothing_else(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(store)
    assert reset.main([JOB, "--yes"]) == 0
    (folder,) = (store / "reset").iterdir()
    assert re.fullmatch(rf"{JOB}-\d{{8}}T\d{{6}}\.\d{{6}}Z", folder.name)
    assert capsys.readouterr().out.splitlines()[: len(PLACES)] == [f"moved {store / place}" for place in PLACES]
    left = {name: content for name, content in files(store).items() if not name.startswith("reset/")}
    moved = {name: content for name, content in before.items() if name.startswith(tuple(PLACES))}
    assert files(folder) == moved
    assert left == {name: content for name, content in before.items() if name not in moved}
    assert "checkpoints/retail_ingest/tables/metadata" in left


def test_the_printed_commands_bring_everything_back(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(store)
    reset.main([JOB, "--yes"])
    commands = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  mv ")]
    subprocess.run("\n".join(commands), shell=True, check=True)  # noqa: S602  # as a user would
    assert files(store) == before
    assert summary("sensor_suhu").rows == 2


def test_after_a_reset_there_is_nothing_left_to_reset(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reset.main([JOB, "--yes"])
    capsys.readouterr()
    assert reset.main([JOB]) == 0
    assert capsys.readouterr().out == f"there is nothing of {JOB} in {store}: it starts afresh as it is\n"
    assert len(list((store / "reset").iterdir())) == 1


@pytest.mark.parametrize("survived", range(len(PLACES)))
def test_a_reset_that_was_cut_short_is_finished_by_the_next(
    store: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    before = {name: content for name, content in files(store).items() if name.startswith(tuple(PLACES))}
    with monkeypatch.context() as patch:
        _cut_short_after(patch, survived)
        with pytest.raises(InterruptedError):
            reset.main([JOB, "--yes"])
    assert reset.main([JOB, "--yes"]) == 0
    (folder,) = (store / "reset").iterdir()
    assert not folder.name.endswith(reset.UNFINISHED)
    assert files(folder) == before


def test_a_reset_cut_short_before_its_folder_got_its_name_is_finished_by_the_next(store: Path) -> None:
    reset.main([JOB, "--yes"])
    (folder,) = (store / "reset").iterdir()
    folder.rename(folder.with_name(folder.name + reset.UNFINISHED))
    assert reset.main([JOB, "--yes"]) == 0
    assert list((store / "reset").iterdir()) == [folder]


def test_a_job_that_ran_after_a_reset_was_cut_short_overwrites_nothing(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _cut_short_after(patch, 3)
        with pytest.raises(InterruptedError):
            reset.main([JOB, "--yes"])
    append(store, "sensor_suhu", [reading(3)])
    before = sorted(files(store).values())
    assert reset.main([JOB, "--yes"]) == 0
    assert sorted(files(store).values()) == before
    assert not (store / "tables" / "sensor_suhu").exists()


def _cut_short_after(patch: pytest.MonkeyPatch, moves: int) -> None:
    """Die as by kill -9, once so many moves are done."""
    move, left = reset._move, moves

    def dying_move(path: Path, target: Path) -> None:
        nonlocal left
        if not left:
            raise InterruptedError
        left -= 1
        move(path, target)

    patch.setattr(reset, "_move", dying_move)


def test_the_checkpoint_goes_before_the_tables(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _cut_short_after(monkeypatch, 1)
    with pytest.raises(InterruptedError):
        reset.main([JOB, "--yes"])
    assert not (store / "checkpoints" / JOB).exists()
    assert (store / "tables" / "sensor_suhu").exists()


def test_a_running_job_is_not_reset(store: Path) -> None:
    before = files(store)
    hold = (
        "import fcntl, json, sys; file = open(sys.argv[1], 'w'); fcntl.lockf(file, fcntl.LOCK_EX);"
        'file.write(json.dumps({"job": "temperature_filter", "pid": 42, "since": "now"})); file.flush();'
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(locks.path_of(f"checkpoints/{JOB}"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "held\n"
        with pytest.raises(ArusError, match=r"^temperature_filter \(pid 42, since now\) is running: stop it first"):
            reset.main([JOB, "--yes"])
    assert files(store) == before
    assert reset.main([JOB, "--yes"]) == 0


@pytest.mark.usefixtures("store")
def test_a_job_cannot_start_while_its_reset_is_at_work() -> None:
    ask = "import sys; from arus import locks; sys.exit(locks.is_held(sys.argv[1]))"
    with reset._kept_from_starting(JOB):
        asked = subprocess.run([sys.executable, "-c", ask, f"checkpoints/{JOB}"], cwd=ROOT, check=False)
    assert asked.returncode == 1
    assert not locks.is_held(f"checkpoints/{JOB}")


@pytest.mark.usefixtures("store")
def test_an_unknown_job_is_refused_with_the_jobs_there_are() -> None:
    with pytest.raises(ArusError, match=r"^no job 'retail'; the jobs are: .*retail_ingest.*temperature_filter"):
        reset.main(["retail", "--yes"])


@pytest.mark.usefixtures("store")
def test_a_store_that_is_a_uri_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARUS_STORE", "s3a://bucket/arus")
    with pytest.raises(ArusError, match=r"^ARUS_STORE=s3a://bucket/arus is a URI"):
        reset.main([JOB, "--yes"])


def test_without_a_terminal_it_needs_yes(store: Path) -> None:
    before = files(store)
    asked = subprocess.run(
        [sys.executable, "-m", "arus", "reset", JOB],
        cwd=ROOT,
        env=os.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    complaint = f"arus reset: there is no terminal to ask on: run python -m arus reset {JOB} --yes\n"
    assert (asked.returncode, asked.stdout, asked.stderr) == (1, "", complaint)
    assert files(store) == before


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_it_asks(store: Path, answer: str, code: int) -> None:
    controller, terminal = os.openpty()
    command = [sys.executable, "-m", "arus", "reset", JOB]
    with subprocess.Popen(command, cwd=ROOT, stdin=terminal, stdout=subprocess.PIPE, text=True) as asked:
        os.write(controller, answer.encode())
        said = asked.communicate(timeout=60)[0]
    os.close(controller)
    os.close(terminal)
    assert "Move them? [y/N]" in said
    assert asked.returncode == code
    assert (store / "tables" / "sensor_suhu").exists() == bool(code)


def test_a_move_that_fails_is_one_line_and_the_next_run_finishes(store: Path) -> None:
    (store / "reset").write_text("in the way")
    with pytest.raises(ArusError, match=r"^cannot move .*checkpoints/temperature_filter to .* then run this again$"):
        reset.main([JOB, "--yes"])
    (store / "reset").unlink()
    assert reset.main([JOB, "--yes"]) == 0
    assert not (store / "tables" / "sensor_suhu").exists()


def test_a_home_that_cannot_be_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ARUS_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    with pytest.raises(ArusError, match="cannot be used: "):
        reset.main(["retail_ingest"])
