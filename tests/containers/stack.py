"""docker-compose.yml on a real engine, under a project name, ports and a token of the tests' own."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from arus.home import ROOT
from arus.local import containers
from arus.local.containers import Container

TOKEN = "a-token-of-the-tests"  # noqa: S105
# Two busy cores start six drivers in this time.
PATIENCE = 240.0
LONGEST_ANSWER_SECONDS = 30.0


class Answer(NamedTuple):
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def make_containers(*options: str) -> "subprocess.CompletedProcess[str]":
    """Run what `make containers` runs."""
    command = [sys.executable, "-m", "arus", "containers", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)


def docker(*argv: str) -> str:
    return subprocess.run(["docker", *argv], capture_output=True, text=True, timeout=120, check=True).stdout


def of(service: str) -> list[Container]:
    return [container for container in containers.containers() if container.service == service]


def inspected() -> dict[str, dict[str, Any]]:
    """Return what the engine says of each container, by the name of the service; of several, the last one's."""
    found = {container.name: container.service for container in containers.containers()}
    facts = json.loads(docker("inspect", *found))
    return {found[one["Name"].removeprefix("/")]: one for one in facts}


def ask(path: str, data: bytes | None = None, token: str = TOKEN, **headers: str) -> Answer:
    """Ask the web server, by its published port."""
    url = f"http://127.0.0.1:{containers.port('server')}{path}"
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, given | ({"Authorization": f"Bearer {token}"} if token else {}))
    try:
        with urllib.request.urlopen(request, timeout=LONGEST_ANSWER_SECONDS) as answer:
            return Answer(answer.status, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read())


def ask_master(path: str) -> str:
    """Return a page of the Spark master."""
    address = f"http://127.0.0.1:{containers.port('spark-master')}{path}"
    with urllib.request.urlopen(address, timeout=LONGEST_ANSWER_SECONDS) as answer:
        return str(answer.read().decode())


def master() -> dict[str, Any]:
    """Return the Spark master's report on workers and jobs."""
    return dict(json.loads(ask_master("/json/")))


def rows() -> dict[str, int]:
    """Return the rows of each table."""
    return {table["name"]: table["rows"] for table in json.loads(containers.arus("tables", "--json"))}


def check(*options: str) -> list[dict[str, Any]]:
    """Return the account of each topic."""
    return list(json.loads(containers.arus("tables", "check", "--json", *options)))


def until(is_so: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until it is so, whatever fails meanwhile; AssertionError tells what was not, and the last fault."""
    deadline, fault = time.monotonic() + patience, ""
    while True:
        try:
            if is_so():
                return
        except Exception as error:
            fault = f" ({error})"
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain for {what}{fault}"
        time.sleep(1)


def goes_on(tables: tuple[str, ...], patience: float = PATIENCE) -> None:
    """Wait until each of the tables has more rows than now."""
    before = rows()
    until(lambda: all(rows()[name] > before[name] for name in tables), f"new rows in {', '.join(tables)}", patience)


def are_all_good() -> bool:
    return all(container.is_good for container in containers.containers())


def picture(file: Path, width: int, height: int) -> bytes:
    """Return a JPEG of that size, unlike any other made here."""
    from PIL import Image

    Image.effect_noise((width, height), 80).convert("RGB").save(file, "JPEG")
    return file.read_bytes()
