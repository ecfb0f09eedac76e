"""docker-compose.yml on this machine's container engine, by the command `docker`."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from arus.errors import ArusError
from arus.home import ROOT

# Measured with all services at work: tests/containers prints each one's peak.
LEAST_MEMORY_BYTES = 10 * 10**9
# The image, and a day of the demo's data.
LEAST_DISK_BYTES = 6 * 10**9
LEAST_CPUS = 2
LEAST_ENGINE, LEAST_COMPOSE = (20, 10), (2, 20)
# Services with a port of this machine: the variable that changes it, and its default.
PORTS = {
    "kafka": ("ARUS_KAFKA_PORT", 9092),
    "spark-master": ("ARUS_SPARK_PORT", 8080),
    "server": ("ARUS_SERVER_PORT", 5000),
}
TOKEN = "ARUS_SERVER_TOKEN"  # noqa: S105
COMPOSE = ("docker", "compose", "--profile", "demo")
IN_SERVER = ("exec", "--no-TTY", "server", "python", "-m", "arus")
ENGINE_HELP = "https://docs.docker.com/engine/install"


class Engine(NamedTuple):
    version: str
    compose: str
    memory_bytes: int
    cpus: int
    # Where the engine keeps its data; None where that is not on this machine's own file system.
    root: Path | None


class Container(NamedTuple):
    """A container of the project: `state` is running, restarting, exited, ...; `health` is empty without a check."""

    service: str
    name: str
    state: str
    health: str
    exit_code: int

    @property
    def is_good(self) -> bool:
        if self.state == "exited":
            return self.exit_code == 0
        return self.state == "running" and self.health in ("", "healthy")


def engine() -> Engine:
    """Return the engine that answers; ArusError where there is none, or it is too old."""
    if not shutil.which("docker"):
        raise ArusError(f"there is no `docker` here: install an engine with Compose ({ENGINE_HELP})")
    about = subprocess.run(["docker", "info", "--format", "{{json .}}"], capture_output=True, text=True, check=False)
    found = json.loads(about.stdout) if about.returncode == 0 else {}
    if not found.get("ServerVersion"):
        why = (found.get("ServerErrors") or about.stderr.strip().splitlines() or ["it does not answer"])[-1]
        raise ArusError(f"no container engine answers: {why}")
    compose = subprocess.run(["docker", "compose", "version", "--short"], capture_output=True, text=True, check=False)
    if compose.returncode:
        raise ArusError(f"this `docker` has no Compose: install its plugin ({ENGINE_HELP})")
    version, of_compose = str(found["ServerVersion"]), compose.stdout.strip()
    for name, has, least in (("engine", version, LEAST_ENGINE), ("Compose", of_compose, LEAST_COMPOSE)):
        if _numbers(has) < least:
            raise ArusError(f"{name} {has} is too old: {'.'.join(map(str, least))} or newer is needed")
    root = Path(found["DockerRootDir"])
    return Engine(version, of_compose, found["MemTotal"], found["NCPU"], root if root.is_dir() else None)


def refuse_too_little(has: Engine) -> None:
    """Raise ArusError where the engine has too little for all services."""
    if has.memory_bytes < LEAST_MEMORY_BYTES:
        raise ArusError(
            f"the engine has {_giga(has.memory_bytes)} of memory, and all services need {_giga(LEAST_MEMORY_BYTES)}: "
            "give it more, or start some of them, as with `docker compose up temperature_filter producer-temperature`"
        )
    if has.root and (free := shutil.disk_usage(has.root).free) < LEAST_DISK_BYTES:
        raise ArusError(f"{_giga(free)} of disk are free in {has.root}, and {_giga(LEAST_DISK_BYTES)} are needed")
    if has.cpus < LEAST_CPUS and not _setting("ARUS_WORKER_CPUS"):
        raise ArusError(f"the engine has {has.cpus} processor core: set ARUS_WORKER_CPUS={has.cpus}, and have patience")


def room(has: Engine) -> str:
    """Return in words what the engine has."""
    disk = f", {_giga(shutil.disk_usage(has.root).free)} of disk free" if has.root else ""
    return f"{_giga(has.memory_bytes)} of memory, {has.cpus} cores{disk}"


def refuse_taken_ports() -> None:
    """Raise ArusError where a port of a service that does not run yet is taken."""
    running = {container.service for container in containers() if container.state == "running"}
    for service, (variable, _) in PORTS.items():
        with socket.socket() as probe:
            # As the engine does: what an ended server has left does not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port(service)))
            except OSError:
                if service not in running:
                    raise ArusError(
                        f"port {port(service)}, for {service}, is taken: stop what listens there, or set {variable}"
                    ) from None


def port(service: str) -> int:
    """Return the port of this machine that leads to a service."""
    variable, default = PORTS[service]
    return int(_setting(variable) or default)


def ensure_token() -> bool:
    """Put a token for the web server into .env where there is none yet, and return whether one was made."""
    if _setting(TOKEN):
        return False
    file = ROOT / ".env"
    before = file.read_text() if file.exists() else ""
    file.touch(mode=0o600)
    file.write_text(f"{before.rstrip()}\n{TOKEN}={secrets.token_hex(32)}\n".lstrip())
    return True


def compose(*argv: str) -> str:
    """Run `docker compose` with the demo's profile, and return what it printed; ArusError has its last line."""
    run = subprocess.run([*COMPOSE, *argv], cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    if run.returncode:
        lines = (run.stderr or run.stdout).strip().splitlines() or [f"exit code {run.returncode}"]
        raise ArusError(f"`docker compose {' '.join(argv)}` failed: {lines[-1]}")
    return run.stdout


def build() -> None:
    """Build the image, or what has changed of it; a terminal sees how."""
    how = () if sys.stderr.isatty() else ("--progress", "quiet")
    if subprocess.run([*COMPOSE, *how, "build", "topics"], cwd=ROOT, env=_environment(), check=False).returncode:
        raise ArusError("the image could not be built: see above")


def containers() -> list[Container]:
    """Return the project's containers, ended ones too."""
    text = compose("ps", "--all", "--format", "json")
    # One object a line; older Composes print one list.
    parsed: list[Any] = [json.loads(line) for line in text.splitlines() if line.strip()]
    found = parsed[0] if parsed and isinstance(parsed[0], list) else parsed
    return [Container(one["Service"], one["Name"], one["State"], one["Health"], one["ExitCode"]) for one in found]


def arus(*argv: str) -> str:
    """Run `python -m arus ...` in the web server's container, and return what it printed."""
    return compose(*IN_SERVER, *argv)


def last_line(service: str) -> str:
    """Return the last line of a service's log."""
    return compose("logs", "--no-log-prefix", "--tail", "1", service).strip()


def shown_arus(*argv: str) -> int:
    """Run `python -m arus ...` there, let it print by itself, and return its exit code."""
    return subprocess.run([*COMPOSE, *IN_SERVER, *argv], cwd=ROOT, env=_environment(), check=False).returncode


def _environment() -> dict[str, str]:
    """Return this process's, with a token where there is none: what starts something has ensured a real one before."""
    return os.environ | ({} if _setting(TOKEN) else {TOKEN: "none"})


def _setting(name: str) -> str:
    """Return what Compose takes for a variable: of the environment, else of .env; empty where there is neither."""
    if name in os.environ:
        return os.environ[name]
    file = ROOT / ".env"
    lines = file.read_text().splitlines() if file.exists() else []
    given = [line.split("=", 1)[1].strip().strip("'\"") for line in lines if line.startswith(f"{name}=")]
    return given[-1] if given else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in version.lstrip("v").split(".")[:2])


def _giga(size: int) -> str:
    return f"{size / 10**9:.0f} GB"
