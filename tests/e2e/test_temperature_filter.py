import json
import signal

import pytest
from deltalake import DeltaTable

from producers.temperature import MALFORMED
from tests.conftest import Broker
from tests.e2e.support import (
    drain,
    everything,
    kill,
    messages,
    positions,
    row_count,
    send,
    submit,
    table,
    until,
    words,
)

pytestmark = pytest.mark.e2e

OFTEN = ("--conf", "spark.arus.table-trigger=1 second")


def readings(count: int) -> list[bytes]:
    """Return readings of three sensors; every tenth is an alert."""
    return [
        json.dumps({"sensor_id": f"S{n % 3 + 1}", "suhu": 81.5 if n % 10 == 0 else 70.0}).encode() for n in range(count)
    ]


def alert_ids(cluster: Broker) -> set[object]:
    return {alert["alert_id"] for alert in messages(cluster, "peringatan-suhu")}


def test_kept_and_rejected_are_what_was_sent_also_the_second_time(cluster: Broker) -> None:
    """Malformed records among good ones: each in its table or in the rejects, once; a second run changes nothing."""
    sent = send(cluster, "sensor-suhu", [*readings(500), *MALFORMED.values()])
    drain(cluster, "temperature_filter")

    def outcome() -> tuple[list[tuple[int, int]], int, int, list[str], int]:
        kept, rejected = table(cluster, "tables/sensor_suhu"), table(cluster, "rejects/temperature_filter")
        alerts = table(cluster, "tables/peringatan_suhu")["alert_id"].to_pylist()
        return (
            sorted(positions(kept) + positions(rejected)),
            kept.num_rows,
            rejected.num_rows,
            sorted(alerts),
            len(messages(cluster, "peringatan-suhu")),
        )

    status = json.loads((cluster.home / "run" / "temperature_filter.status.json").read_text())
    total = status["queries"]["temperature_filter.tables"]["total"]
    assert (total["rows_in"], total["rows_out"], total["rejected"]) == (sent, 500, len(MALFORMED))

    first = outcome()
    assert first[0] == everything(cluster, "sensor-suhu")
    assert first[1:3] == (500, len(MALFORMED))
    assert len(first[3]) == len(set(first[3])) == first[4] == 50
    drain(cluster, "temperature_filter")
    assert outcome() == first

    raw = table(cluster, "rejects/temperature_filter")["value"].to_pylist()
    assert sorted(value or b"" for value in raw) == sorted(value or b"" for value in MALFORMED.values())


def test_the_tables_can_be_read_by_delta_readers_of_other_makers(cluster: Broker) -> None:
    send(cluster, "sensor-suhu", [*readings(20), b"{"])
    drain(cluster, "temperature_filter")
    for name in ("tables/sensor_suhu", "tables/peringatan_suhu", "rejects/temperature_filter"):
        protocol = DeltaTable(cluster.home / name).protocol()
        assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)


def test_the_life_of_the_job(cluster: Broker) -> None:
    """Alerts in Real-time Mode; kill -9, and it goes on; a second writer is refused; SIGTERM ends it; it drains."""
    killed = submit(cluster, "temperature_filter", *OFTEN)
    try:
        send(cluster, "sensor-suhu", readings(100))
        messages(cluster, "peringatan-suhu", at_least=10)
        send(cluster, "sensor-suhu", readings(100))
    finally:
        killed.kill()
        killed.communicate()
    send(cluster, "sensor-suhu", readings(100))
    job = submit(cluster, "temperature_filter", *OFTEN)
    try:
        send(cluster, "sensor-suhu", readings(100))
        until(lambda: len(alert_ids(cluster)) == 40, "the alerts of before, during and after the kill")
        assert {(alert["sensor_id"], alert["suhu"]) for alert in messages(cluster, "peringatan-suhu")} == {
            ("S1", 81.5),
            ("S2", 81.5),
            ("S3", 81.5),
        }
        until(lambda: row_count(cluster, "tables/sensor_suhu") == 400, "400 rows in sensor_suhu")

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ARUS_PATIENCE_SECONDS", "3")
            second = submit(cluster, "temperature_filter")
        said = words(second)
        assert second.returncode == 1
        assert "which writes checkpoints/temperature_filter, to stop" in said
        assert f"temperature_filter (pid {job.pid}" in said
        assert "Traceback" not in said

        job.send_signal(signal.SIGTERM)
        said = words(job)
        assert "temperature_filter: stopping, after what it is at" in said
        assert job.returncode == 128 + signal.SIGTERM
    finally:
        job.kill()
    send(cluster, "sensor-suhu", readings(50))
    drain(cluster, "temperature_filter")
    assert positions(table(cluster, "tables/sensor_suhu")) == everything(cluster, "sensor-suhu")
    ids = table(cluster, "tables/peringatan_suhu")["alert_id"].to_pylist()
    assert len(ids) == len(set(ids)) == 45
    assert alert_ids(cluster) == set(ids)


def test_real_time_mode_needs_a_task_slot_more_than_partitions(cluster: Broker) -> None:
    job = submit(cluster, "temperature_filter", "--master", "local[2,4]")
    said = words(job)
    assert job.returncode == 1
    assert "a task slot for each of the 2 partitions of sensor-suhu" in said
    assert "--master local[3,4] or more" in said


def test_a_wrong_setting_stops_the_job_before_it_reads(cluster: Broker) -> None:
    job = submit(cluster, "temperature_filter", "--conf", "spark.arus.treshold=1", "--conf", "spark.arus.console=ja")
    said = words(job)
    assert job.returncode == 1
    assert "spark.arus.treshold is unknown" in said
    assert "spark.arus.console = 'ja' is not true or false" in said
    assert not (cluster.home / "checkpoints").exists()


def test_the_console_speaks_as_asked(cluster: Broker) -> None:
    send(cluster, "sensor-suhu", readings(1))
    said = drain(cluster, "temperature_filter", "--conf", "spark.arus.console=true")
    assert "[Peringatan Suhu Tinggi] Sensor S1: Suhu 81.5°C" in said


def test_a_killed_broker_comes_back_under_the_running_job(cluster: Broker) -> None:
    job = submit(cluster, "temperature_filter", *OFTEN)
    try:
        send(cluster, "sensor-suhu", readings(100))
        messages(cluster, "peringatan-suhu", at_least=10)
        kill(cluster.pid)
        assert cluster.arus("broker", "start").returncode == 0
        send(cluster, "sensor-suhu", readings(100))
        until(lambda: row_count(cluster, "tables/sensor_suhu") == 200, "200 rows in sensor_suhu")
        messages(cluster, "peringatan-suhu", at_least=20)
    finally:
        job.terminate()
        words(job)
    assert positions(table(cluster, "tables/sensor_suhu")) == everything(cluster, "sensor-suhu")
