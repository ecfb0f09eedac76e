import json
import os
import shutil
import socket
from pathlib import Path

import pytest

from arus import doctor
from arus.doctor import Check
from tests.arus.test_java import installed
from tests.conftest import Broker, free_port


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARUS_HOME", str(tmp_path / "a home"))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{free_port()}")


def free_disk(monkeypatch: pytest.MonkeyPatch, gib: float) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, int(gib * 2**30)))


def project(folder: Path, monkeypatch: pytest.MonkeyPatch, requirements: str = "", ivy: str = "") -> None:
    (folder / "requirements").mkdir(parents=True)
    (folder / "conf").mkdir()
    (folder / "requirements" / "run.txt").write_text(requirements)
    (folder / "conf" / "ivy.xml").write_text(ivy)
    monkeypatch.setattr("arus.home.ROOT", folder)


def test_this_machine_is_found_fit_without_a_jvm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    java = installed(tmp_path / "jdk", "17.0.15")
    monkeypatch.setenv("PATH", str(java.parent), prepend=os.pathsep)
    assert doctor.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [text[6:16].rstrip() for text in lines] == [
        *("python", "system", "java", "packages", "versions", "jars", "ARUS_HOME", "ARUS_STORE", "broker", "memory")
    ]
    assert not any("FAIL" in text or "\033" in text for text in lines)
    assert not (tmp_path / "jdk" / "asked").exists()
    assert not (tmp_path / "a home").exists()


def test_one_failure_makes_the_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    assert doctor.main(["--json"]) == 1
    failed = [check for check in json.loads(capsys.readouterr().out) if check["state"] == "FAIL"]
    assert [check["name"] for check in failed] == ["java"]


def test_a_package_at_another_version_than_pinned_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    requirements = (
        "pytest==0.1 \\\n    --hash=sha256:00\n"
        "no-such==1.0 ; python_full_version < '3.0' \\\n    --hash=sha256:00\n"
        "neither==2.0 \\\n    --hash=sha256:00\n"
    )
    project(tmp_path / "project", monkeypatch, requirements)
    state, text = doctor.packages_check()[1:]
    assert state == "FAIL"
    assert text.startswith("pytest is ")
    assert text.endswith(", not 0.1 (and 1 more): `make setup`")


def test_any_of_a_packages_pins_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pins = f"pytest==0.1 ; python_full_version < '3.0'\npytest=={pytest.__version__} ; python_full_version >= '3.0'\n"
    project(tmp_path / "project", monkeypatch, pins)
    assert doctor.packages_check() == Check("packages", "ok", "1 at the versions of requirements/run.txt")


@pytest.mark.parametrize(
    ("jar", "fault"),
    [
        (
            'name="spark-sql-kafka-0-10_2.13" rev="4.1.0"',
            "spark-sql-kafka-0-10_2.13 is 4.1.0, its Python package 4.2.0",
        ),
        ('name="delta-spark_4.2_2.13" rev="4.3.0"', "delta-spark_4.2_2.13 is 4.3.0, its Python package 4.4.0"),
        ('name="delta-spark_4.1_2.13" rev="4.4.0"', "delta-spark_4.2_2.13 is None, its Python package 4.4.0"),
    ],
)
def test_jars_that_do_not_go_with_the_packages_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jar: str, fault: str
) -> None:
    monkeypatch.setattr(doctor, "_installed", {"pyspark": "4.2.0", "delta-spark": "4.4.0"}.get)
    right = ['name="spark-sql-kafka-0-10_2.13" rev="4.2.0"', 'name="delta-spark_4.2_2.13" rev="4.4.0"']
    jars = [jar, *[line for line in right if line.split("_")[0] != jar.split("_")[0]]]
    project(tmp_path / "project", monkeypatch, ivy="\n".join(jars))
    check = doctor.versions_check()
    assert check.state == "FAIL"
    assert check.text.startswith(f"{fault}: ")


@pytest.mark.parametrize(("gib", "state"), [(0.9, "FAIL"), (4.9, "warn"), (5.1, "ok")])
def test_little_free_disk_is_told(monkeypatch: pytest.MonkeyPatch, gib: float, state: str) -> None:
    free_disk(monkeypatch, gib)
    assert doctor.home_check().state == state


def test_a_home_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "a home").touch(0o755)
    assert doctor.home_check().state == "FAIL"


def test_a_store_elsewhere_is_only_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARUS_STORE", "s3a://bucket/arus")
    assert doctor.store_check() == Check("ARUS_STORE", "info", "s3a://bucket/arus: looked at by the jobs as they start")


def test_a_broker_that_does_not_run_is_no_failure() -> None:
    check = doctor.broker_check()
    assert check.state == "info"
    assert check.text.endswith("is free: `python -m arus broker start` serves it")


def test_a_foreign_server_on_the_port_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arus.ping.PATIENCE", 0.2)
    with socket.create_server(("localhost", 0)) as other:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{other.getsockname()[1]}")
        check = doctor.broker_check()
    assert check.state == "FAIL"
    assert "not a plain Kafka" in check.text


def test_an_address_elsewhere_that_nobody_serves_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{free_port()},localhost:{free_port()}")
    check = doctor.broker_check()
    assert (check.state, "start that one" in check.text) == ("FAIL", True)


def test_native_windows_is_pointed_to_wsl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("platform.system", lambda: "Windows")
    assert doctor.main([]) == 1
    assert "WSL2" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.e2e
def test_a_kafka_that_answers_is_ok(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.address)
    assert doctor.broker_check() == Check("broker", "ok", f"a Kafka answers at {broker.address}")
