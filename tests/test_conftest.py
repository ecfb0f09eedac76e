"""What the suite says of a mistyped path, run as `make test` runs it."""

import subprocess
import sys

import pytest

from arus.home import ROOT


@pytest.mark.parametrize("argv", [["-n", "0"], ["-n", "2", "--dist", "loadfile"]])
def test_a_path_that_is_not_there_is_named(argv: list[str]) -> None:
    paths = ["tests/test_layout.py", "tests/nowhere.py::test_it", "tests/no_folder/"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *argv, *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    said = "ERROR: file or directory not found: tests/nowhere.py, tests/no_folder/"
    assert said in run.stderr.splitlines()
