import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from arus import demo, down, supervision, up
from arus.errors import ArusError
from arus.home import ROOT
from arus.local import programs
from tests.conftest import free_port

pytestmark = pytest.mark.e2e

# Stands in for all programs: it needs no Kafka, and leaves at SIGTERM after saying so.
SLEEPER = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("asked to leave")))
print("here", flush=True)
time.sleep(60)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home whose programs are sleepers under the names, groups and options of the real ones."""
    folder = tmp_path / ("a long home " + "x" * 100)
    folder.mkdir()
    (folder / "sleeper.py").write_text(SLEEPER)
    sleeper = f'command = "{sys.executable}" "{folder}/sleeper.py"'
    conf = re.sub("^command = .*$", sleeper, programs.configuration(), flags=re.MULTILINE)
    monkeypatch.setattr(programs, "configuration", lambda: conf)
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{free_port()}")
    monkeypatch.setenv("ARUS_SERVER_PORT", str(free_port()))
    yield folder
    if supervision.running_pid() is not None:
        supervision.stop(lambda *_: None)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_programs_stop_by_group_from_what_sends_to_what_serves_and_nothing_is_left(home: Path) -> None:
    stopped: list[str] = []
    supervision.launch()
    begun = supervision.start(list(supervision.programs()))
    wait_until(lambda: all((home / "logs" / f"{program.name}.out").exists() for program in begun))
    wait_until(lambda: all("here" in (home / "logs" / f"{program.name}.out").read_text() for program in begun))
    supervision.stop(lambda names, _: stopped.append(names))
    assert [sorted(names.split(", ")) for names in stopped] == [
        ["images", "retail", "temperature", "warehouse"],
        ["server"],
        ["image_analytics", "image_resize", "retail_ingest", "retail_train", "temperature_filter", "warehouse_monitor"],
        ["broker"],
    ]
    assert not any(is_there(program.pid) for program in begun)
    assert (home / "logs" / "retail.out").read_text() == "here\nasked to leave\n"
    assert supervision.running_pid() is None
    assert not (home / "run" / "supervisord.socket").exists()


# In the sleeper's process group, as a driver's Python is in that of its JVM; it outlives the sleeper.
OUTLIVES = """
import os, pathlib, time
parent = os.getppid()
print("here", flush=True)
while os.getppid() == parent:
    time.sleep(0.01)
time.sleep({seconds})
pathlib.Path({mark!r}).touch()
"""


@pytest.mark.parametrize(("seconds", "patience", "left_by_itself"), [(0.5, 20.0, True), (60, 2.0, False)])
def test_a_stop_ends_with_the_last_of_what_a_program_began(
    home: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, patience: float, left_by_itself: bool
) -> None:
    monkeypatch.setattr(supervision, "LEFT_BEHIND_SECONDS", patience)
    code = OUTLIVES.format(seconds=seconds, mark=str(home / "mark"))
    begins = (
        "import subprocess\n"
        f"child = subprocess.Popen([sys.executable, '-c', {code!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
    )
    sleeper, said = home / "sleeper.py", home / "logs" / "retail.out"
    sleeper.write_text(SLEEPER.replace('print("here"', begins + 'print("here"'))
    supervision.launch()
    (begun,) = supervision.start(["retail"])
    wait_until(lambda: said.exists() and "here" in said.read_text())
    supervision.stop(lambda *_: None)
    assert (home / "mark").exists() is left_by_itself
    # What is dead stays in its group until process 1 has reaped it.
    wait_until(lambda: not is_there(-begun.pid))


def test_a_program_that_is_killed_comes_back(home: Path) -> None:  # noqa: ARG001
    supervision.launch()
    [first] = supervision.start(["retail"])
    assert supervision.start(["retail"]) == []
    # Before that it counts as a start that failed, which is tried again in any case.
    wait_until(lambda: supervision.programs()["retail"].state == "RUNNING")
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: supervision.programs()["retail"].pid not in {0, first.pid})
    with pytest.raises(ArusError, match="retail ended as it started"):
        up.refuse_failing([first])


def test_a_program_that_ends_at_once_is_told_with_its_last_lines(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "sleeper.py").write_text("raise SystemExit('no such sensor')")
    supervision.launch()
    begun = supervision.start(["temperature"])
    wait_until(lambda: supervision.programs()["temperature"].is_failing)
    with pytest.raises(ArusError, match=r"temperature ended as it started; .*logs/temperature\.out"):
        up.refuse_failing(begun)
    assert "    | no such sensor\n" in capsys.readouterr().err


def test_what_cannot_start_is_stopped_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    with socket.create_server(("localhost", 0)) as stranger:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"kafka.invalid:{stranger.getsockname()[1]}")
        with pytest.raises(ArusError, match=r"nobody answers at kafka\.invalid"):
            up.bring_up()
    assert supervision.running_pid() is None


def test_a_taken_port_of_the_server_is_refused_before_anything_starts(
    home: Path,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        monkeypatch.setenv("ARUS_SERVER_PORT", str(port))
        with pytest.raises(ArusError, match=rf"another program has the web server's port {port}: .*--without server"):
            up.main([])
    assert supervision.running_pid() is None


@pytest.mark.parametrize("verb", [up, demo])
def test_what_runs_for_another_address_is_refused_and_left_running(
    home: Path,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    verb: ModuleType,
) -> None:
    supervision.launch()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "localhost:1")
    with pytest.raises(ArusError, match=r"was started with KAFKA_BOOTSTRAP_SERVERS=localhost:\d{4,}, not localhost:1"):
        verb.main([])
    assert supervision.running_pid() is not None


def test_down_without_anything_up_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert down.main([]) == 0
    assert capsys.readouterr().out == f"nothing of {home} is up\n"


def test_the_socket_is_for_its_owner_only(home: Path) -> None:
    supervision.launch()
    path = Path((home / "run" / "supervisord.socket").read_text())
    assert [path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777] == [0o700, 0o700]
    supervision.stop(lambda *_: None)
    assert not path.parent.exists()


def test_a_folder_that_others_can_open_is_refused(home: Path) -> None:
    supervision.launch()
    folder = Path((home / "run" / "supervisord.socket").read_text()).parent
    supervision.stop(lambda *_: None)
    folder.mkdir(mode=0o755)
    with pytest.raises(ArusError, match="is not a folder of this user alone"):
        supervision.launch()
    folder.rmdir()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not there")
def test_make_alone_lists_every_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    targets = [line.split()[1] for line in shown.splitlines()]
    assert targets == [
        "help",
        "setup",
        "demo",
        "up",
        "down",
        "status",
        "containers",
        "test",
        "check",
        "bench",
        "notebooks",
        "lock",
        "clean",
    ]


def test_a_demo_beside_what_runs_only_looks(
    home: Path,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ARUS_PATIENCE_SECONDS", "0")
    pid = supervision.launch()
    supervision.start(["temperature_filter"])
    with pytest.raises(ArusError, match="nobody answers"):  # It looks for the alerts of a Kafka.
        demo.main(["--only", "temperature", "--only", "images"])
    said = capsys.readouterr().out
    assert f"already running here (pid {pid}): only looking" in said
    assert 'not running: images; `make up ARGS="--only images"` starts that beside it' in said
    assert "left running" in said
    assert [name for name, program in supervision.programs().items() if program.is_alive] == ["temperature_filter"]


@pytest.mark.parametrize("verb", [up, demo])
def test_what_is_missing_is_said_before_anything_else(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: ModuleType
) -> None:
    write_deltalake(home / "tables" / "sensor_suhu", pa.table({"a": [1]}))
    monkeypatch.setenv("JAVA_HOME", str(home / "no java"))
    with pytest.raises(ArusError, match=r"JAVA_HOME=.* will not do"):
        verb.main([])
    assert capsys.readouterr().out == ""


def test_a_program_of_a_newer_configuration_is_told(home: Path) -> None:  # noqa: ARG001
    supervision.launch()
    with pytest.raises(ArusError, match=r"was started before menit_suhu was there: `make down`"):
        supervision.start(["menit_suhu"])


def is_gone() -> None:
    raise ConnectionRefusedError


@pytest.mark.parametrize("was_running", [True, False])
def test_a_demo_that_is_stopped_from_elsewhere_says_so(
    home: Path,  # noqa: ARG001
    was_running: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with demo.stopped_at_the_end(was_running):
        is_gone()
    assert capsys.readouterr().out == "what ran here was stopped from elsewhere\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
