"""What a job says while it waits for what is not there, and when it gives up: one line, no trace."""

import json
import signal
from collections.abc import Callable

import pytest

from tests.conftest import Broker
from tests.e2e.support import submit, until, words

pytestmark = pytest.mark.e2e

JOB = "temperature_filter"


@pytest.fixture
def nobody(own_broker: Callable[[], Broker]) -> Broker:
    """A home whose broker is not started."""
    return own_broker()


def state(home: Broker) -> tuple[str, str]:
    found = json.loads(home.arus("status", "--json").stdout)["jobs"].get(JOB, {"state": "", "doing": ""})
    return found["state"], found["doing"]


def test_a_job_without_a_broker_says_what_it_waits_for_and_gives_up_in_one_line(
    nobody: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARUS_PATIENCE_SECONDS", "4")
    job = submit(nobody, JOB)
    said = words(job).splitlines()
    assert job.returncode == 1
    assert said[0] == (
        f"{JOB}: reads sensor-suhu; writes peringatan-suhu, tables/sensor_suhu, tables/peringatan_suhu "
        f"(Kafka: {nobody.address}, store: {nobody.home})"
    )
    assert said[1].endswith("Ctrl-C stops the job")
    assert said[2].startswith(f"{JOB}: waiting for Kafka at {nobody.address}, up to ")
    assert said[3:] == [f"arus: no Kafka answers at {nobody.address}: `python -m arus broker start`"]
    assert state(nobody) == ("failed", "")


def test_a_job_that_waits_says_so_in_status_and_stops_at_once(nobody: Broker) -> None:
    job = submit(nobody, JOB)
    try:
        until(lambda: state(nobody)[1].startswith(f"waiting for Kafka at {nobody.address}"), "the wait in status")
        assert state(nobody)[0] == "starting"
        job.send_signal(signal.SIGTERM)
        assert f"{JOB}: stopped before it had begun" in words(job)
    finally:
        job.kill()
    assert state(nobody)[0] == "stopped"


def test_a_master_as_the_readme_writes_it_is_named_before_spark_is_started(nobody: Broker) -> None:
    job = submit(nobody, JOB, "--master", "spark://HOST.invalid:7077")
    said = words(job).splitlines()
    assert job.returncode == 1
    assert len(said) == 3
    assert said[2].startswith("spark-submit.sh: no Spark master answers at spark://HOST.invalid:7077 (nobody knows")
