"""What is said where the container engine is missing or too small. Real engines: tests/containers."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from arus.errors import ArusError
from arus.local import containers

ENOUGH = {"ServerVersion": "26.1.5", "MemTotal": 16 * 10**9, "NCPU": 4, "DockerRootDir": "/"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without .env, and a PATH that has nothing but what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(containers, "ROOT", tmp_path)
    for name in [name for name in os.environ if name.startswith(("ARUS_", "COMPOSE_"))]:
        monkeypatch.delenv(name)
    return tmp_path


def docker(folder: Path, about: dict[str, Any], compose: str = "2.26.1") -> None:
    """Put a `docker` into the PATH that answers so, to the two questions that are asked of an engine first."""
    answer = f"echo {compose}" if compose else "exit 1"
    script = f"#!/bin/sh\ncase $1 in info) echo '{json.dumps(about)}';; compose) {answer};; esac\n"
    (folder / "docker").write_text(script)
    (folder / "docker").chmod(0o755)


@pytest.mark.usefixtures("folder")
def test_without_docker_it_is_said_where_one_is_had() -> None:
    with pytest.raises(ArusError, match=r"^there is no `docker` here: install an engine with Compose"):
        containers.engine()


def test_an_engine_that_does_not_answer_is_told_in_its_own_words(folder: Path) -> None:
    docker(folder, {"ServerErrors": ["Cannot connect to the daemon"]})
    with pytest.raises(ArusError, match=r"^no container engine answers: Cannot connect to the daemon$"):
        containers.engine()


@pytest.mark.parametrize(
    ("version", "compose", "fault"),
    [
        ("19.03.1", "2.26.1", "engine 19.03.1 is too old: 20.10 or newer is needed"),
        ("20.10.24+dfsg1", "v2.17.3", "Compose v2.17.3 is too old: 2.20 or newer is needed"),
        ("26.1.5", "", "this `docker` has no Compose"),
    ],
)
def test_one_that_is_too_old_or_without_compose_is_refused(
    folder: Path, version: str, compose: str, fault: str
) -> None:
    docker(folder, ENOUGH | {"ServerVersion": version}, compose)
    with pytest.raises(ArusError, match=f"^{fault}"):
        containers.engine()


@pytest.mark.parametrize(
    ("lacking", "fault"),
    [
        ({"MemTotal": 4 * 10**9}, "the engine has 4 GB of memory, and all services need 10 GB"),
        ({"NCPU": 1}, "the engine has 1 processor core: set ARUS_WORKER_CPUS=1"),
    ],
)
def test_too_little_of_something_is_told_before_anything_starts(
    folder: Path, lacking: dict[str, Any], fault: str
) -> None:
    docker(folder, ENOUGH | lacking)
    with pytest.raises(ArusError, match=f"^{fault}"):
        containers.refuse_too_little(containers.engine())


def test_a_full_disk_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(folder, ENOUGH)
    monkeypatch.setattr(containers, "LEAST_DISK_BYTES", 10**18)
    with pytest.raises(ArusError, match=r"of disk are free in /, and 1000000000 GB are needed$"):
        containers.refuse_too_little(containers.engine())


def test_a_token_is_made_once_for_its_owner_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("ARUS_KAFKA_PORT=9192")
    assert containers.ensure_token()
    assert not containers.ensure_token()
    first, second = (folder / ".env").read_text().splitlines()
    assert (first, second.partition("=")[0], len(second)) == ("ARUS_KAFKA_PORT=9192", "ARUS_SERVER_TOKEN", 18 + 64)
    assert containers.port("kafka") == 9192
    monkeypatch.setenv("ARUS_KAFKA_PORT", "9292")
    assert containers.port("kafka") == 9292
    (folder / ".env").unlink()
    containers.ensure_token()
    assert (folder / ".env").stat().st_mode & 0o077 == 0


def test_a_container_is_good_when_it_is_healthy_or_has_done_its_work() -> None:
    def state(state: str, health: str = "", exit_code: int = 0) -> bool:
        return containers.Container("a", "a-1", state, health, exit_code).is_good

    assert [state("running"), state("running", "healthy"), state("exited")] == [True, True, True]
    assert [state("running", "starting"), state("restarting"), state("exited", "", 1)] == [False, False, False]
