"""The processes of `up` and `demo`, kept by one supervisord a home: started, asked and stopped over its socket."""

import hashlib
import http.client
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from arus import home
from arus.errors import ArusError
from arus.local import programs as configured
from arus.local.programs import BROKER, SERVER

ANSWER_SECONDS = 5.0
LAUNCH_SECONDS = 20.0
# More than any stopwaitsecs of arus/local/programs.py, after which supervisord kills.
STOP_SECONDS = 20.0
# Shared by all programs of a group.
LEFT_BEHIND_SECONDS = 5.0
# The kernel takes 104 bytes (macOS) or 108; supervisord adds its pid while it makes the socket.
LONGEST_SOCKET = 90
ALIVE = {"STARTING", "RUNNING", "BACKOFF", "STOPPING"}
# What asking a supervisord that has ended, or is about to, raises.
GONE = (OSError, xmlrpc.client.Fault)
FAILING = {"BACKOFF", "EXITED", "FATAL", "UNKNOWN"}


# A stop goes from what sends to what serves, so that nothing waits for what has gone.
STOP_ORDER = ("producers", SERVER, "jobs", BROKER)


class Program(NamedTuple):
    name: str
    group: str
    state: str
    pid: int

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE

    @property
    def is_failing(self) -> bool:
        return self.state in FAILING


def running_pid() -> int | None:
    """Return the pid of this home's supervisord, or None where none answers."""
    try:
        return int(_ask("getPID"))
    except GONE:
        return None


def kafka_address() -> str:
    """Return the Kafka address that the running supervisord gave to its programs."""
    return str(_ask("getIdentification")).rpartition(" ")[2]


def launch() -> int:
    """Start supervisord in the background, with nothing in it running yet; return its pid."""
    if "%" in str(home.home()):
        raise ArusError(f"supervisord takes the % in {home.home()} for its own: set ARUS_HOME to a path without one")
    path = _new_socket()
    _socket_note().write_text(str(path))
    own = {
        "ARUS_HOME": str(home.home()),
        "ARUS_STORE": home.store(),
        "ARUS_ROOT": str(home.ROOT),
        "ARUS_PYTHON": sys.executable,
        "ARUS_SOCKET": str(path),
        "KAFKA_BOOTSTRAP_SERVERS": home.bootstrap_servers(),
        "PYTHONUNBUFFERED": "1",
    }
    home.logs()
    conf = home.run() / "supervisord.conf"
    conf.write_text(configured.configuration())
    identity = f"arus {home.home()} {home.bootstrap_servers()}"
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(conf), "-i", identity]
    said = subprocess.run(command, cwd=home.ROOT, env=os.environ | own, capture_output=True, text=True, check=False)
    if said.returncode:
        reason = (said.stderr.strip() or "no reason given").splitlines()[-1]
        raise ArusError(f"supervisord did not start ({reason}): see {home.logs() / 'supervisord.log'}")
    return _wait_for_answer()


def programs() -> dict[str, Program]:
    """Return every program of the running supervisord, by name."""
    found = [Program(info["name"], info["group"], info["statename"], info["pid"]) for info in _ask("getAllProcessInfo")]
    return {program.name: program for program in found}


def start(names: Iterable[str]) -> list[Program]:
    """Start those that do not run, without waiting for them; return them as they have begun."""
    there, names = programs(), list(names)
    if unknown := [name for name in names if name not in there]:
        raise ArusError(
            f"what runs was started before {', '.join(unknown)} was there: `make down`, then start it again"
        )
    begun = [name for name in names if not there[name].is_alive]
    for name in begun:
        _start(f"{there[name].group}:{name}")
    now = programs()
    return [now[name] for name in begun]


def _start(program: str) -> None:
    try:
        _ask("startProcess", program, False)
    except xmlrpc.client.Fault as fault:
        raise ArusError(f"supervisord cannot start {program} ({fault.faultString})") from fault


def stop(say: Callable[[str, float], None]) -> None:
    """Stop supervisord's programs group by group, then itself; `say` is told what stopped, after how many s."""
    pid = running_pid()
    try:
        for group in STOP_ORDER:
            _stop_group(group, say)
        _ask("shutdown")
    except OSError as error:
        raise ArusError(
            f"supervisord (pid {pid}) does not answer ({error}): `kill {pid}` ends it and its own"
        ) from error
    begun = time.monotonic()
    while running_pid() is not None:
        if time.monotonic() > begun + STOP_SECONDS:
            raise ArusError(f"supervisord (pid {pid}) does not end: see {home.logs() / 'supervisord.log'}")
        time.sleep(0.05)
    _tidy()


def logs_of(program: str) -> str:
    """Return in words where a program's output is; a job has a log of its own besides."""
    own = home.logs() / f"{program}.log"
    out = home.logs() / f"{program}.out"
    return f"{out} and {own}" if own.exists() else str(out)


def last_lines(program: str, count: int = 12) -> list[str]:
    """Return the end of a program's output."""
    out = home.logs() / f"{program}.out"
    if not out.exists():
        return []
    with out.open("rb") as file:
        file.seek(max(out.stat().st_size - 20_000, 0))
        return file.read().decode(errors="replace").splitlines()[-count:]


def _stop_group(group: str, say: Callable[[str, float], None]) -> None:
    running = [program for program in programs().values() if program.group == group and program.is_alive]
    names = [program.name for program in running]
    if not names:
        return
    begun = time.monotonic()
    _ask("stopProcessGroup", group, False)
    while any(programs()[name].is_alive for name in names):
        if time.monotonic() > begun + STOP_SECONDS:
            raise ArusError(f"{', '.join(names)} did not stop, not even killed: see {home.logs() / 'supervisord.log'}")
        time.sleep(0.1)
    _end_groups([program.pid for program in running if program.pid])
    say(", ".join(names), time.monotonic() - begun)


def _end_groups(leaders: list[int]) -> None:
    """Wait for what programs left in their process groups, and kill what stays.

    A driver's Python sees the end of its JVM a moment after it.
    """
    deadline = time.monotonic() + LEFT_BEHIND_SECONDS
    for leader in leaders:
        # PermissionError: what macOS says of a group whose members are all dead.
        with suppress(ProcessLookupError, PermissionError):
            while time.monotonic() < deadline:
                os.killpg(leader, 0)
                time.sleep(0.05)
            os.killpg(leader, signal.SIGKILL)


def _wait_for_answer() -> int:
    deadline = time.monotonic() + LAUNCH_SECONDS
    while (pid := running_pid()) is None:
        if time.monotonic() > deadline:
            raise ArusError(f"supervisord does not answer: see {home.logs() / 'supervisord.log'}")
        time.sleep(0.05)
    return pid


def _new_socket() -> Path:
    """Return the socket's path: short, as the kernel needs, in a folder that only this user can open."""
    name = hashlib.sha256(str(home.home()).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"arus-{os.getuid()}-{name}"
    path = folder / "supervisor.sock"
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        raise ArusError(
            f"the path of the temporary folder {tempfile.gettempdir()} is too long: set TMPDIR to a shorter one"
        )
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise ArusError(f"{folder} is not a folder of this user alone: remove it, or set TMPDIR to another folder")
    return path


def _socket_note() -> Path:
    # Written down, since a later command may have another TMPDIR.
    return home.run() / "supervisord.socket"


def _tidy() -> None:
    folder = Path(_socket_note().read_text()).parent
    _socket_note().unlink()
    # What else may lie there is not ours to remove.
    if not any(folder.iterdir()):
        folder.rmdir()


class _Connection(http.client.HTTPConnection):
    """HTTP over the Unix socket, bounded in time."""

    def connect(self) -> None:
        path = _socket_note().read_text()
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ANSWER_SECONDS)
        self.sock.connect(path)


class _Transport(xmlrpc.client.Transport):
    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        # Kept where the base class closes it.
        self._connection = host, _Connection("localhost")
        return self._connection[1]


def _ask(method: str, *arguments: Any) -> Any:
    """Return what supervisord answers; OSError where it does not."""
    with xmlrpc.client.ServerProxy("http://localhost/RPC2", transport=_Transport()) as server:
        return getattr(server.supervisor, method)(*arguments)
