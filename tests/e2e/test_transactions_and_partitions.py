"""Transactions that are aborted, and topics that get partitions: in drains and in Real-time Mode."""

import json
import signal
from contextlib import closing

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from tests.arus.image_samples import jpeg
from tests.conftest import Broker
from tests.e2e.support import drain, messages, row_count, submit, table, until, words

pytestmark = pytest.mark.e2e

SUHU, RETAIL, IMAGES, UPLOADS = "sensor-suhu", "retail_stream", "image-stream", "image-upload"
GUDANG, KELEMBABAN = "sensor-suhu-gudang", "sensor-kelembaban-gudang"
# Far less than the five minutes of a Real-time batch.
SOON_SECONDS = 60.0


def reading(suhu: float) -> bytes:
    return b'{"sensor_id":"S1","gudang_id":"G1","suhu":%.1f}' % suhu


def sale(number: int) -> bytes:
    row = {"InvoiceNo": number, "StockCode": "A", "Quantity": 1, "InvoiceDate": "2011-10-06", "UnitPrice": 1.5}
    return json.dumps(row).encode()


def committed_aborted_committed(broker: Broker, values: dict[str, list[bytes]]) -> None:
    """Send three values into one partition of each topic, each in a transaction; the second one is aborted."""
    with KafkaProducer(bootstrap_servers=broker.address, transactional_id="sides") as producer:
        producer.init_transactions()
        for number in range(3):
            producer.begin_transaction()
            for topic, those in values.items():
                producer.send(topic, those[number], key=b"%032x" % number, partition=0).get(timeout=30)
            if number == 1:
                producer.abort_transaction()
            else:
                producer.commit_transaction()


def send_to(broker: Broker, topic: str, partition: int, value: bytes) -> None:
    with KafkaProducer(bootstrap_servers=broker.address) as producer:
        producer.send(topic, value, key=b"k", partition=partition).get(timeout=30)


def add_partition(broker: Broker, topic: str, now: int) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=broker.address)) as admin:
        admin.create_partitions({topic: now})
        until(lambda: len(admin.describe_topics([topic])[0]["partitions"]) == now, f"{now} partitions of {topic}")


def test_an_aborted_transaction_does_not_exist_in_a_drain(cluster: Broker) -> None:
    readings = [reading(90.0 + number) for number in range(3)]
    sent = {
        SUHU: readings,
        GUDANG: readings,
        KELEMBABAN: [b'{"gudang_id":"G1","kelembaban":%d}' % (60 + number) for number in range(3)],
        RETAIL: [sale(number) for number in range(3)],
        IMAGES: [jpeg(seed=number) for number in range(3)],
        UPLOADS: [jpeg(seed=number) for number in range(3)],
    }
    committed_aborted_committed(cluster, sent)
    tailed = cluster.arus("tail", SUHU, "--from-beginning", "--count", "2", "--seconds", "20").stdout
    assert ("90.0" in tailed, "91.0" in tailed, "92.0" in tailed) == (True, False, True)
    kept: dict[str, dict[str, tuple[str, list[object]]]] = {
        "temperature_filter": {"sensor_suhu": ("suhu", [90.0, 92.0]), "peringatan_suhu": ("suhu", [90.0, 92.0])},
        "warehouse_monitor": {
            "sensor_gudang": ("reading", [60.0, 62.0, 90.0, 92.0]),
            "peringatan_gudang": ("value", [90.0, 92.0]),
            "status_gudang": ("suhu", [90.0, 92.0]),
        },
        "retail_ingest": {"retail": ("invoice_no", ["0", "2"])},
        # A transaction's end takes an offset of its own.
        "image_analytics": {"images": ("offset", [0, 4])},
        "image_resize": {"resized": ("id", [f"{number:032x}" for number in (0, 2)])},
    }
    for job, tables in kept.items():
        drain(cluster, job)
        for name, (column, values) in tables.items():
            assert sorted(table(cluster, f"tables/{name}")[column].to_pylist()) == values, name
        assert row_count(cluster, f"rejects/{job}") == 0
    assert sorted(str(alert["suhu"]) for alert in messages(cluster, "peringatan-suhu")) == ["90.0", "92.0"]
    assert sorted(str(alert["value"]) for alert in messages(cluster, "peringatan-gudang")) == ["90.0", "92.0"]


@pytest.mark.parametrize(
    ("job", "topic", "alerts", "query"),
    [
        ("temperature_filter", SUHU, "peringatan-suhu", "alerts"),
        ("warehouse_monitor", GUDANG, "peringatan-gudang", "warnings"),
    ],
)
def test_real_time_mode_knows_aborted_transactions_and_new_partitions(
    cluster: Broker, job: str, topic: str, alerts: str, query: str
) -> None:
    def alerted() -> set[float]:
        return {float(str(told.get("suhu", told.get("value")))) for told in messages(cluster, alerts)}

    running = submit(cluster, job)
    try:
        send_to(cluster, topic, 0, reading(89.0))
        until(lambda: alerted() == {89.0}, "the first alert")
        committed_aborted_committed(cluster, {topic: [reading(90.0 + number) for number in range(3)]})
        until(lambda: alerted() == {89.0, 90.0, 92.0}, "the alerts of what was committed", SOON_SECONDS)
        add_partition(cluster, topic, 3)
        send_to(cluster, topic, 2, reading(95.5))
        until(lambda: 95.5 in alerted(), "the alert from the new partition", SOON_SECONDS)
        assert alerted() == {89.0, 90.0, 92.0, 95.5}
        assert f"{topic} has 3" in cluster.arus("status").stdout
        found = json.loads(cluster.arus("status", "--json").stdout)["jobs"][job]["queries"][f"{job}.{query}"]
        assert (found["state"], found["partitions"]["now"][topic]) == ("running", 3)
    finally:
        running.send_signal(signal.SIGTERM)
        said = words(running)
    assert "Traceback" not in said
    assert f"{topic} has 3 partitions: started again" in said


def test_a_late_reading_beside_a_new_partition_is_kept_as_late(cluster: Broker) -> None:
    """What the join drops is read again: also where the batch before did not know a partition."""

    def timed(seconds: int) -> bytes:
        return b'{"gudang_id":"G1","suhu":70,"kelembaban":60,"timestamp":%d}' % (1_790_000_000 + seconds)

    for seconds in (0, 600):
        for topic in (GUDANG, KELEMBABAN):
            send_to(cluster, topic, 0, timed(seconds))
        drain(cluster, "warehouse_monitor")
    add_partition(cluster, GUDANG, 3)
    send_to(cluster, GUDANG, 2, timed(1))
    send_to(cluster, GUDANG, 2, timed(601))
    drain(cluster, "warehouse_monitor")
    rejects = table(cluster, "rejects/warehouse_monitor").to_pylist()
    assert [(row["reason"], row["partition"], row["offset"]) for row in rejects] == [("late", 2, 0)]
    assert row_count(cluster, "tables/sensor_gudang") == 6
