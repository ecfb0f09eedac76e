import os
import re
import subprocess
from pathlib import Path

import pytest

from arus import broker, class_archive, home, submit
from arus.errors import ArusError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an archive, and with an ARUS_HOME of its own."""
    monkeypatch.setattr(home, "ROOT", tmp_path)
    monkeypatch.setenv("ARUS_HOME", str(tmp_path / "data"))
    (tmp_path / ".jars").mkdir()
    submit.class_archive().touch()
    return tmp_path


def test_the_jvm_takes_the_archive_for_the_class_path_of_a_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not submit.class_archive().exists():
        pytest.skip("`make setup` could make no archive here")
    monkeypatch.setenv("ARUS_HOME", str(tmp_path / "another home"))
    # A JVM that may not do without its archive ends where it cannot use it. The heap is of the archive's collector.
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", "-Xshare:on -XX:+UseParallelGC")
    command, environment = [submit.spark_submit(), "--version"], submit.environment("retail_ingest")
    spark = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert spark.returncode == 0, spark.stdout + spark.stderr


def test_drivers_are_told_of_the_archive_where_there_is_one(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", "-Dmine=1")
    told = submit.environment("retail_ingest")["SPARK_SUBMIT_OPTS"]
    assert f'"-XX:SharedArchiveFile={project}/.jars/classes.jsa"' in told
    assert told.endswith(" -Dmine=1")
    submit.class_archive().unlink()
    assert "SharedArchiveFile" not in submit.environment("retail_ingest")["SPARK_SUBMIT_OPTS"]


def test_a_jobs_settings_come_after_those_of_all(project: Path) -> None:
    (project / "conf").mkdir()
    (project / "conf" / "spark-defaults.conf").write_text("spark.a 1\nspark.b 1")
    (project / "conf" / "some_job.conf").write_text("spark.b 2\n")
    assert submit.settings("some_job").read_text().splitlines() == ["spark.a 1", "spark.b 1", "spark.b 2"]


def test_without_an_archive_all_goes_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise ArusError("no port is free")

    monkeypatch.setattr(broker, "start", fails)
    # `make` sets what the small job needs.
    monkeypatch.setattr(os, "environ", dict(os.environ))
    assert class_archive.main([]) == 0
    assert list((project / ".jars").iterdir()) == []
    broker_line, end = capsys.readouterr().out.splitlines()
    said = r"classes: a throw-away broker on port \d+, only for this step"
    assert re.fullmatch(said, broker_line)
    assert end == "classes: no archive, drivers start without it (no port is free)"
