"""docs/add-a-job.md, followed literally in a copy of the project."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from arus.home import ROOT
from tests.conftest import Broker
from tests.e2e.support import DRAIN, send, table

pytestmark = pytest.mark.e2e

JOB = "menit_suhu"
COPIED = ("arus", "benchmarks", "conf", "jobs", "notebooks", "producers", "server", "tests")
BLOCK = re.compile(r"^```\w+ (\S+/\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# 2026-01-01 08:00:00 UTC.
BEGIN = 1_767_254_400


def blocks() -> dict[str, str]:
    """Return the page's files, by their paths; the one of a file that is there already is what to add to it."""
    return dict(BLOCK.findall((ROOT / "docs" / "add-a-job.md").read_text()))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project in which the page's four steps are done."""
    folder = tmp_path / "project"
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("docker-compose.yml", "Dockerfile", ".dockerignore", "pyproject.toml", "spark-submit.sh"):
        shutil.copy(ROOT / file, folder / file)
    shutil.copytree(ROOT / "docs", folder / "docs")
    for linked in (".venv", ".jars"):
        (folder / linked).symlink_to(ROOT / linked)
    for path, text in blocks().items():
        target = folder / path
        if target.exists():
            text = target.read_text().replace("\nJOBS = {\n", f"\nJOBS = {{\n{text}")
        target.write_text(text)
    return folder


def python(folder: Path, *argv: str, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *argv]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_page_is_one_entry_and_three_files() -> None:
    files = blocks()
    assert list(files) == ["arus/schemas.py", f"jobs/{JOB}.py", f"conf/{JOB}.conf", f"tests/jobs/test_{JOB}.py"]
    code = [line for line in files[f"jobs/{JOB}.py"].splitlines() if line and not line.startswith(("from ", "import "))]
    assert len(code) <= 40


def test_the_checks_and_the_demo_know_the_job(copy: Path) -> None:
    checks = ["tests/test_layout.py", "tests/test_compose.py", f"tests/jobs/test_{JOB}.py"]
    checked = python(copy, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *checks)
    assert checked.returncode == 0, checked.stdout
    for step in (("check",), ("format", "--check")):
        style = python(copy, "-m", "ruff", *step, "arus", "jobs", "tests")
        assert style.returncode == 0, style.stdout
    types = python(copy, "-m", "mypy", f"jobs/{JOB}.py", f"tests/jobs/test_{JOB}.py")
    assert types.returncode == 0, types.stdout
    assert JOB in python(copy, "-m", "arus", "up", "--help").stdout


def test_the_job_fills_its_table(copy: Path, own_broker: Callable[[], Broker]) -> None:
    cluster = own_broker()
    assert cluster.arus("broker", "start").returncode == 0
    assert cluster.arus("topics", "create").returncode == 0
    readings = [{"sensor_id": "S1", "suhu": 60 + n, "timestamp": BEGIN + 20 * n} for n in range(30)]
    send(cluster, "sensor-suhu", [json.dumps(reading).encode() for reading in readings])
    ran = subprocess.run(
        ["./spark-submit.sh", JOB, *DRAIN],
        cwd=copy,
        env=cluster.env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "reads sensor-suhu; writes tables/menit_suhu (Kafka: " in ran.stderr
    rows = table(cluster, f"tables/{JOB}").sort_by("minute").to_pylist()
    # The last minute is not over: no later reading has moved the watermark past it.
    assert [(row["readings"], row["suhu"]) for row in rows] == [(3, 61 + 3 * minute) for minute in range(9)]
    status = json.loads(cluster.arus("status", "--json").stdout)["jobs"][JOB]["queries"][f"{JOB}.minutes"]
    assert (status["total"]["rows_in"], status["total"]["rows_out"]) == (30, 9)
