"""What `make setup` says, with a Python that does nothing in the place of the real one."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from arus.home import ROOT

NO_PYTHON = """#!/bin/sh
case "$*" in *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;; esac
"""
NEEDED = ("requirements/run.txt", "requirements/dev.txt", "conf/ivy.xml", "conf/ivysettings.xml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in (*NEEDED, "conf/jars.sha256"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    (tmp_path / ".jars").mkdir()
    python = tmp_path / "no-python"
    python.write_text(NO_PYTHON)
    python.chmod(0o755)
    return tmp_path


def said(project: Path, target: str) -> list[str]:
    command = ["make", target, f"PYTHON={project}/no-python"]
    # The suite may itself run under make.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    made = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=True)
    return made.stdout.splitlines()


def test_each_step_says_what_it_is_for_and_how_long_it_takes(project: Path) -> None:
    lines = said(project, "setup")
    steps = [line for line in lines if " of 4: " in line]
    assert [line.partition(":")[0] for line in steps] == [f"set-up {n} of 4" for n in range(1, 5)]
    assert all(re.search(r"\(.*(seconds|minutes?)\b.*\)$", line) for line in steps)
    # The last two say it themselves.
    assert [lines[place][:10] for place in (2, 4)] == ["  done in "] * 2
    assert len(said(project, "setup")) == 1, "that there is nothing to be done"


def test_the_developers_packages_are_a_step_beside_the_four(project: Path) -> None:
    lines = said(project, "test")
    assert lines[0] == "set-up, once: four steps, two to six minutes on two cores"
    assert [line.partition(":")[0] for line in lines[1:] if line.startswith("set-up")] == [
        "set-up 1 of 4",
        "set-up 2 of 4",
        "set-up for tests, checks and notebooks",
        "set-up 3 of 4",
        "set-up 4 of 4",
    ]


def test_an_interrupted_installation_is_begun_afresh_with_a_word(project: Path) -> None:
    said(project, "setup")
    (project / ".venv" / "installing").write_text("")
    (project / ".venv" / "left-behind").touch()
    (project / "requirements" / "run.txt").touch()
    lines = said(project, "setup")
    assert lines[0] == "an earlier set-up was interrupted: .venv is made afresh"
    assert not (project / ".venv" / "left-behind").exists()
    assert (project / ".venv" / "bin" / "python").exists()


def test_a_second_make_waits_for_the_one_that_installs(project: Path) -> None:
    said(project, "setup")
    (project / "requirements" / "run.txt").touch()
    with subprocess.Popen(["sleep", "60"]) as other:
        (project / ".venv" / "installing").write_text(f"{other.pid}\n")
        command = ["make", "setup", f"PYTHON={project}/no-python"]
        env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        with subprocess.Popen(command, cwd=project, env=env, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout
            assert second.stdout.readline().startswith(f"another make installs into .venv (pid {other.pid}): waiting")
            (project / ".venv" / "installing").unlink()
            other.kill()
            other.wait()
            rest = second.stdout.read()
    assert "made afresh" not in rest
    assert second.returncode == 0


@pytest.mark.parametrize("target", ["down", "status"])
def test_looking_and_stopping_need_no_set_up(project: Path, target: str) -> None:
    assert said(project, target) == ["nothing is set up here, so nothing runs: make setup"]
    assert not (project / ".venv").exists()
