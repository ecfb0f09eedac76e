"""docker-compose.yml and Dockerfile, as far as they can be checked without Docker's engine: see docs/docker.md."""

import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from arus import schemas
from arus.home import ROOT
from arus.java import SUITABLE
from arus.local.containers import PORTS
from arus.local.programs import OPTIONS, PRODUCER_ARGUMENTS

COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
ONE_SHOT = {"topics"}
# So that a micro-batch of uploads has tasks for many workers.
ONLY_ON_A_CLUSTER = {"images-per-task=20"}
# What an executor takes, for each byte of its heap.
OFF_HEAP = 1.4
LONG_RUNNING = SERVICES.keys() - ONE_SHOT
JOBS = {name for name, service in SERVICES.items() if "spark-submit.sh" in service.get("command", "")}


def words(name: str) -> list[str]:
    return shlex.split(SERVICES[name].get("command", ""))


def option(name: str, key: str) -> str:
    """Return what the job's command gives after the option `key`, or for the Spark setting `key`."""
    given = words(name)
    settings = dict(word.split("=", 1) for word in given if word.startswith("spark.") and "=" in word)
    return settings[key] if key in settings else given[given.index(key) + 1]


def megabytes(size: str) -> int:
    return int(size[:-1]) * {"m": 1, "g": 1024}[size[-1]]


def check_schema(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_keeps_the_compose_specification(tmp_path: Path) -> None:
    copy = tmp_path / "docker-compose.yml"
    copy.write_text(COMPOSE.read_text())
    assert check_schema(copy).returncode == 0, check_schema(copy).stdout


def test_a_misspelt_key_breaks_the_compose_specification(tmp_path: Path) -> None:
    copy = tmp_path / "docker-compose.yml"
    copy.write_text(COMPOSE.read_text().replace("mem_limit:", "memory_limit:"))
    refused = check_schema(copy)
    assert refused.returncode != 0
    assert "memory_limit" in refused.stdout


def test_the_jobs_with_a_service_are_those_that_say_so_and_their_producers_have_one_too() -> None:
    wanted = {name for name, job in schemas.JOBS.items() if job.has_service}
    assert wanted == JOBS, (
        "has_service in JOBS of arus/schemas.py and the services of docker-compose.yml name the same jobs: "
        f"without a service {sorted(wanted - JOBS)}, without has_service {sorted(JOBS - wanted)}"
    )
    producers = {job.producer for job in schemas.JOBS.values() if job.has_service and job.producer}
    run = {words(name)[2] for name in SERVICES if words(name)[:2] == ["python", "-m"]}
    lacking = {f"producers.{name}" for name in producers} - run
    assert lacking == set(), f"docker-compose.yml has no service that runs {sorted(lacking)}"


def test_the_producers_send_what_the_demo_has_them_send() -> None:
    lines = [service["command"] for service in SERVICES.values() if service.get("profiles") == ["demo"]]
    given = {line.split()[2].removeprefix("producers."): " ".join(line.split()[3:]) for line in lines}
    assert given == PRODUCER_ARGUMENTS


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_job_service_runs_the_job_of_its_name_on_the_cluster(name: str) -> None:
    assert words(name)[:2] == ["./spark-submit.sh", name]
    assert (ROOT / "jobs" / f"{name}.py").is_file()
    assert option(name, "--master") == "spark://spark-master:7077"


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_job_has_the_settings_of_the_demo_since_it_shares_as_few_cores(name: str) -> None:
    given = {word.removeprefix("spark.arus.") for word in words(name) if word.startswith("spark.arus.")}
    assert given - ONLY_ON_A_CLUSTER == set(OPTIONS[name].settings)


@pytest.mark.parametrize("name", sorted(JOBS))
def test_executors_can_reach_the_driver_by_a_name_that_a_spark_url_can_hold(name: str) -> None:
    # java.net.URI finds no host in spark://HeartbeatReceiver@temperature_filter:4040, and the executor gives up.
    host = option(name, "spark.driver.host")
    assert re.fullmatch(r"[a-z0-9-]+", host)
    assert host in SERVICES[name]["networks"]["default"]["aliases"]
    assert option(name, "spark.driver.bindAddress") == "0.0.0.0"  # noqa: S104


def test_one_worker_has_the_slots_and_the_memory_of_all_jobs() -> None:
    worker = SERVICES["spark-worker"]
    settings = worker["environment"]
    slots = sum(int(option(name, "spark.cores.max")) for name in JOBS)
    executors = sum(megabytes(option(name, "--executor-memory")) for name in JOBS)
    limit = math.ceil(executors * OFF_HEAP) + megabytes(settings["SPARK_DAEMON_MEMORY"])
    has = (settings["SPARK_WORKER_CORES"], megabytes(settings["SPARK_WORKER_MEMORY"]), megabytes(worker["mem_limit"]))
    assert all(there >= needed for there, needed in zip(has, (slots, executors, limit), strict=True)), (
        f"for its jobs the service spark-worker needs SPARK_WORKER_CORES {slots}, SPARK_WORKER_MEMORY {executors}m "
        f"and mem_limit {limit}m, or more of each; it has {has[0]}, {has[1]}m and {has[2]}m"
    )


def test_drivers_and_executors_see_the_store_at_the_same_path() -> None:
    for name in {*JOBS, "spark-worker"}:
        assert "store:/var/lib/arus" in SERVICES[name]["volumes"]
        assert SERVICES[name]["environment"]["ARUS_HOME"] == "/var/lib/arus"


def test_the_versions_are_those_of_the_locks() -> None:
    pinned = {node.get("name"): node.get("rev") for node in ElementTree.parse(ROOT / "conf/ivy.xml").iter("dependency")}  # noqa: S314
    project = (ROOT / "pyproject.toml").read_text()
    own = re.findall(r'^version = "(.+)"', project, re.MULTILINE)[0]
    assert {service["image"] for service in SERVICES.values()} == {
        f"apache/kafka:{pinned['kafka_2.13']}",
        f"arus:{own}",
    }
    python = re.findall(r"FROM python:(\d+\.\d+)-slim-bookworm", DOCKERFILE)[0]
    assert python in SpecifierSet(re.findall(r'requires-python = "(.+)"', project)[0])
    assert re.findall(r"openjdk-(\d+)-jre-headless", DOCKERFILE)[0] in SUITABLE


def test_the_image_installs_the_locked_packages_and_jars_only() -> None:
    installs = re.findall(r"pip install .*", DOCKERFILE)
    assert [("--require-hashes" in line, line.split()[-1]) for line in installs] == [(True, "requirements/run.txt")]
    assert "RUN python -m arus.jars " in DOCKERFILE


def test_the_layer_of_the_jars_has_all_that_it_needs(tmp_path: Path) -> None:
    for line in re.findall(r"^COPY ((?:conf|arus)/.*)", DOCKERFILE, re.MULTILINE):
        *files, folder = line.split()
        (tmp_path / folder).mkdir()
        for file in files:
            shutil.copy(ROOT / file, tmp_path / folder)
    # Offline: it must find every jar in place, so that nothing is fetched.
    shutil.copytree(
        ROOT / ".jars", tmp_path / ".jars", copy_function=os.symlink, ignore=shutil.ignore_patterns("cache", "lock")
    )
    run = subprocess.run([sys.executable, "-m", "arus.jars"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "in place" in run.stdout


def test_the_image_takes_all_that_the_services_run() -> None:
    taken = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert taken == {"arus", "conf", "jobs", "producers", "server", "requirements/run.txt", "spark-submit.sh"}


def test_the_image_and_its_services_run_as_the_same_ordinary_user() -> None:
    user = re.findall(r"^USER (.+)", DOCKERFILE, re.MULTILINE)[-1]
    assert user == "10001:10001"
    assert {service["user"] for service in SERVICES.values() if service["image"].startswith("arus:")} == {user}
    # The user of the official image.
    assert SERVICES["kafka"]["user"] == "appuser"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_may_do_and_use_only_what_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert not service.get("privileged", False)
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["init"] is True
    assert {"mem_limit", "cpus", "pids_limit"} <= service.keys()
    assert {"max-size", "max-file"} <= service["logging"]["options"].keys()


@pytest.mark.parametrize("name", sorted(LONG_RUNNING))
def test_a_long_running_service_restarts_and_has_time_to_stop(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert "stop_grace_period" in SERVICES[name]


def test_the_ports_that_are_shown_are_those_of_the_file() -> None:
    given = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    shown = {name: f"127.0.0.1:${{{variable}:-{default}}}:{default}" for name, (variable, default) in PORTS.items()}
    assert given == {name: [port] for name, port in shown.items()}


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert all("network_mode" not in service for service in SERVICES.values())


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_waits_for_services_that_can_tell_when_they_are_ready(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        if wait["condition"] == "service_healthy":
            assert {"test", "interval", "timeout", "start_period"} <= SERVICES[other]["healthcheck"].keys()
        else:
            assert wait["condition"] == "service_completed_successfully"
            assert other in ONE_SHOT


def variables_that_are_read() -> set[str]:
    """Return the names that Arus's own code takes from its environment, and those in Spark's launcher and daemons."""
    code = "".join(file.read_text() for folder in ("arus", "server") for file in ROOT.glob(f"{folder}/**/*.py"))
    read = set(re.findall(r'environ(?:\.get\(|\[)"(\w+)"', code))
    spec = find_spec("pyspark")
    assert spec
    assert spec.origin
    for jar in Path(spec.origin).parent.glob("jars/spark-*.jar"):
        if jar.name.startswith(("spark-core_", "spark-launcher_")):
            read |= variables_in(
                jar, ("org/apache/spark/deploy/", "org/apache/spark/launcher/", "org/apache/spark/util/Utils")
            )
    return read


def variables_in(jar: Path, packages: tuple[str, ...]) -> set[str]:
    with zipfile.ZipFile(jar) as archive:
        classes = b"".join(archive.read(name) for name in archive.namelist() if name.startswith(packages))
    return {name.decode() for name in re.findall(rb"SPARK_[A-Z_]+", classes)}


def test_every_variable_is_one_that_the_code_or_spark_reads() -> None:
    given = {name for key, service in SERVICES.items() if key != "kafka" for name in service["environment"]}
    assert given - variables_that_are_read() == set()


def test_every_variable_for_the_user_is_in_the_docs() -> None:
    offered = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert offered
    assert {name for name in offered if f"`{name}`" not in (ROOT / "docs/docker.md").read_text()} == set()
