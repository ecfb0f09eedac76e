import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from arus import supervision
from arus.home import ROOT
from arus.local.programs import PIPELINES
from arus.schemas import JOBS
from tests.conftest import free_port
from tests.e2e.support import until

pytestmark = pytest.mark.e2e

# A training beside three streams on two busy cores has taken five minutes.
PATIENCE = 600
SEEDS_REQUEST: dict[str, object] = {"CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}


class Demo:
    """A demo in the background, and what it has said so far."""

    def __init__(self, home: Path, *options: str) -> None:
        self.log = home / "demo.out"
        with self.log.open("wb") as said:
            command = [sys.executable, "-m", "arus", "demo", *options]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind where the test failed; what the demo had started is the fixture's to stop."""
        self.process.kill()
        self.process.wait()

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, pattern: str) -> "re.Match[str]":
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.said)):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.2)
        return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home with a port of its own; whatever then runs in it is stopped."""
    folder = tmp_path / "a home"
    folder.mkdir()
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{free_port()}")
    monkeypatch.setenv("ARUS_SERVER_PORT", str(free_port()))
    yield folder
    subprocess.run([sys.executable, "-m", "arus", "down"], cwd=ROOT, timeout=90, check=True)


def groups_alive(pids: list[int]) -> list[int]:
    """Return those whose process group has a member left: a driver's Python outliving its JVM would be one."""
    alive = []
    for pid in pids:
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            continue
        alive.append(pid)
    return alive


def asked(request: dict[str, object]) -> dict[str, object]:
    """Return what the demo's server answers."""
    url = f"http://127.0.0.1:{os.environ['ARUS_SERVER_PORT']}/cluster-customer"
    sent = Request(url, json.dumps(request).encode(), {"Content-Type": "application/json"})
    try:
        with urlopen(sent, timeout=30) as answer:
            found: dict[str, object] = json.load(answer)
    except HTTPError as error:
        with error:
            found = json.load(error)
    return found


def rows_in(text: str) -> dict[str, int]:
    return {table: int(rows.replace(",", "")) for table, rows in re.findall(r"(\w+) (?:has )?([\d,]+) rows", text)}


def test_the_demo_shows_rows_and_alerts_stops_only_its_own_and_goes_on_at_the_next_start(home: Path) -> None:
    with socket.create_server(("localhost", 0)) as stranger, Demo(home) as first:
        shown = first.wait_for(r"\n\d:\d\d  .* rows; latest alert: .*\n").group()
        first.wait_for(r"starting +retail_train")
        started = [program.pid for program in supervision.programs().values() if program.pid]
        assert sorted(supervision.programs()) == [
            "broker",
            "image_analytics",
            "image_resize",
            "images",
            "retail",
            "retail_ingest",
            "retail_train",
            "server",
            "temperature",
            "temperature_filter",
            "warehouse",
            "warehouse_monitor",
        ]
        assert groups_alive(started) == started
        first.wait_for(r"retail models: 1, the champion is 1")
        until(lambda: asked(SEEDS_REQUEST).get("model_number") == "1", "an answer of the champion")
        assert "cluster" in asked({**SEEDS_REQUEST, "model_number": "1"})
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(90) == 0, first.said
        assert groups_alive(started) == []
        assert supervision.running_pid() is None
        socket.create_connection(stranger.getsockname(), timeout=5).close()
    before = rows_in(shown)
    assert before.keys() == {table for line in PIPELINES if not line.is_extra for table in JOBS[line.job].tables}
    assert all(before.values())

    with Demo(home, "--only", "temperature", "--seconds", "1") as second:
        continued = rows_in(second.wait_for(r"continuing: .*\n").group())
        assert continued.keys() == JOBS["temperature_filter"].tables.keys()
        assert all(continued[table] >= before[table] for table in continued)
        assert second.process.wait(PATIENCE) == 0, second.said
    after = rows_in(re.findall(r"\n\d:\d\d  .*", second.said)[-1])
    assert all(after[table] > continued[table] for table in continued), second.said
    assert "stopped; the next start continues" in second.said
