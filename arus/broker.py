"""python -m arus broker run|start|stop|status: the embedded Kafka, where nobody serves KAFKA_BOOTSTRAP_SERVERS yet."""

import argparse
import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from arus import home, kraft
from arus.errors import ArusError
from arus.ping import Address, addresses, embedded_address, is_kafka, is_open, is_ready, kafka_remedy
from arus.progress import said_if_slow

__all__ = ["Status", "is_kafka", "is_open", "is_ours", "main", "own_pid", "run", "start", "status", "stop"]

# Usually 2 s; 15 s were seen on two cores that Spark kept busy.
START_SECONDS = 60.0
STOP_SECONDS = 10.0
# Brokers that this very process started, kept so that they can be reaped once they have stopped.
_children: dict[int, "subprocess.Popen[bytes]"] = {}


@dataclass(frozen=True)
class Status:
    """What `broker status` tells: `running` is whether a Kafka answers, `pid` is None unless it is this home's own."""

    running: bool
    address: str
    pid: int | None
    data: str
    data_bytes: int


def start(patience: float = START_SECONDS) -> str:
    """Return, in a line, which Kafka answers at the address, having started one in the background if none did."""
    address = _address_to_serve()
    with _alone(patience):
        if (serving := _who_serves(address)) is not None:
            return f"broker: {serving}"
        begun, log_size = time.monotonic(), _log_size()
        print(f"broker: starting at {address} (log: {kraft.log()})", flush=True)
        if not own_pid():
            _launch(kraft.prepared(address))
        _wait_until_ready(address, patience, log_size)
        return f"broker: answers at {address} after {time.monotonic() - begun:.1f} s (pid {own_pid()})"


def run() -> None:
    """Become the broker, in this process, for a supervisor; raise ArusError where the address is served already."""
    address = _address_to_serve()
    with _alone(START_SECONDS):
        serving = _who_serves(address)
        if serving or own_pid():
            raise ArusError(serving or f"the broker of {home.home()} is starting already (pid {own_pid()})")
        command = kraft.prepared(address)
        print(f"broker: running at {address} (log: {kraft.log()})", flush=True)
        _pid_file().write_text(str(os.getpid()))
        # The lock goes with the exec, by which time the pid file names a broker.
        os.execve(command[0], command, os.environ)  # noqa: S606


def stop(patience: float = STOP_SECONDS) -> str:
    """Stop this home's broker, by SIGTERM and after `patience` seconds by SIGKILL; return a line on what was done."""
    pid = own_pid()
    if not pid:
        _pid_file().unlink(missing_ok=True)
        return f"broker: none of {home.home()} runs"
    os.kill(pid, signal.SIGTERM)
    how = "stopped"
    with said_if_slow(f"broker: waiting for it to stop, up to {patience:g} s ..."):
        has_stopped = _gone(pid, patience)
    if not has_stopped:
        os.kill(pid, signal.SIGKILL)
        how = f"killed, as it had not stopped within {patience:g} s"
        if not _gone(pid, patience):
            raise ArusError(f"the broker (pid {pid}) does not end even by SIGKILL: see `ps -p {pid}`")
    _pid_file().unlink(missing_ok=True)
    return f"broker: {how} (pid {pid})"


def status() -> Status:
    """Return whether a Kafka answers at the address, and what this home holds of it."""
    running = any(is_kafka(address) for address in addresses())
    size = sum(file.stat().st_blocks * 512 for file in kraft.data().rglob("*") if file.is_file())
    return Status(running, home.bootstrap_servers(), own_pid(), str(kraft.data()), size)


def is_ours() -> bool:
    """Return whether this home's own broker is alive."""
    return own_pid() is not None


def own_pid() -> int | None:
    """Return the pid of this home's broker while it lives; a pid that another process got meanwhile is not it."""
    try:
        pid = int(_pid_file().read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if _is_broker(pid) else None


def _address_to_serve() -> Address:
    if address := embedded_address():
        return address
    raise ArusError(
        f"KAFKA_BOOTSTRAP_SERVERS={home.bootstrap_servers()} is not one loopback address: it is used as it is, "
        "and no broker is started; unset it for the embedded one"
    )


def _who_serves(address: Address) -> str | None:
    """Return a line on the Kafka that answers at the address, or None where this home's broker is still to come."""
    pid = own_pid()
    if pid and kraft.served_port() != address.port:
        raise ArusError(
            f"the broker of {home.home()} serves port {kraft.served_port()} (pid {pid}), not {address.port}: "
            "`python -m arus broker stop` first, or set another ARUS_HOME"
        )
    if pid:
        return f"already answers at {address} (pid {pid})" if is_ready(address) else None
    if is_kafka(address):
        return f"a Kafka that is not of {home.home()} answers at {address}: it is used as it is"
    if is_open(address):
        other = 9292 if address.port == 9192 else 9192
        raise ArusError(
            f"port {address.port} is taken by something that is not a plain Kafka: choose another port with "
            f"`export KAFKA_BOOTSTRAP_SERVERS=localhost:{other}`"
        )
    return None


def _launch(command: list[str]) -> None:
    with kraft.log().open("ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=home.home()
        )
    _children[child.pid] = child
    _pid_file().write_text(str(child.pid))


def _wait_until_ready(address: Address, patience: float, log_size: int) -> None:
    deadline = time.monotonic() + patience
    while not is_ready(address):
        if not own_pid():
            raise ArusError(f"the broker did not start ({_last_error(log_size)}): see {kraft.log()}")
        if time.monotonic() > deadline:
            raise ArusError(
                f"the broker did not answer within {patience:g} s ({_last_error(log_size)}): "
                f"see {kraft.log()}; `python -m arus broker stop` ends it"
            )
        time.sleep(0.1)


@contextmanager
def _alone(patience: float) -> Iterator[None]:
    """Let one process at a time start this home's broker; the others wait, then find it running."""
    deadline = time.monotonic() + patience
    with (home.run() / "broker.lock").open("w") as lock:
        with said_if_slow("broker: another start is at work: waiting for it ..."):
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise ArusError("another start is still at work: wait, or end it") from None
                    time.sleep(0.1)
        yield


def _pid_file() -> Path:
    return home.run() / "broker.pid"


def _is_broker(pid: int) -> bool:
    if pid in _children:
        return _children[pid].poll() is None
    command = _command_line(pid)
    if not command:
        # A process in the midst of its exec has no command line for an instant; nor has one that ended.
        time.sleep(0.05)
        command = _command_line(pid)
    return "kafka.Kafka" in command and str(kraft.settings()) in command


def _command_line(pid: int) -> str:
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    # No /proc on macOS.
    asked = ["ps", "-ww", "-p", str(pid), "-o", "command="]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def _gone(pid: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while _is_broker(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _log_size() -> int:
    return kraft.log().stat().st_size if kraft.log().exists() else 0


def _last_error(log_size: int) -> str:
    """Return the last line of the log, since it had `log_size` bytes, that tells of an error; else its last line."""
    with kraft.log().open("rb") as log:
        log.seek(log_size)
        lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith("at ")]
    errors = [line for line in told if any(mark in line for mark in (" ERROR ", " FATAL ", "Error:", "Exception:"))]
    return (errors or told or ["it wrote nothing to its log"])[-1]


def main(argv: list[str]) -> int:
    """Run one of the four verbs; `status` exits 0 only if a Kafka answers."""
    parser = argparse.ArgumentParser(prog="python -m arus broker", description=__doc__)
    verb = "run: in this terminal; start: in the background; stop: end it; status: who answers"
    parser.add_argument("verb", choices=["run", "start", "stop", "status"], help=verb)
    parser.add_argument("--json", action="store_true", help="print the status as JSON")
    options = parser.parse_args(argv)
    if options.verb == "status":
        return _show(status(), options.json)
    if options.verb == "run":
        run()
    print(start() if options.verb == "start" else stop())
    return 0


def _show(found: Status, as_json: bool) -> int:
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        state = "answers" if found.running else "does not answer"
        whose = f"pid {found.pid}" if found.pid else f"no process of {home.home()}"
        size = f"{found.data_bytes / 2**20:.1f} MiB in {found.data}"
        remedy = f": see {kraft.log()}" if found.pid else f": {kafka_remedy()}"
        print(f"broker: {found.address} {state} ({whose}), {size}{'' if found.running else remedy}")
    return 0 if found.running else 1
