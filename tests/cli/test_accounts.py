"""`python -m arus tables check`: what Kafka holds against what the tables hold."""

import json
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from arus import tables, topics
from arus.cli.accounts import Account, accounts
from arus.schemas import DETAK_GUDANG, SENSOR_KELEMBABAN_GUDANG, SENSOR_SUHU, SENSOR_SUHU_GUDANG
from tests.arus.delta_tables import append, at, rejected
from tests.conftest import Broker

pytestmark = pytest.mark.e2e
PARTITION = 1


@pytest.fixture
def store(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert broker.address
    monkeypatch.setenv("ARUS_HOME", str(tmp_path))
    monkeypatch.setattr(tables, "COMMIT_SECONDS", 0.0)
    return tmp_path


def sent(topic: str, count: int, **options: Any) -> list[int]:
    """Send so many messages to one partition, and return their offsets."""
    with KafkaProducer(**options) as producer:
        futures = [producer.send(topic, value=b"{}", partition=PARTITION) for _ in range(count)]
        return [future.get(timeout=20).offset for future in futures]


def position(topic: str, offset: int) -> dict[str, Any]:
    return {"topic": topic, "partition": PARTITION, "offset": offset, "event_time": at(0)}


def everything_kept(store: Path, topic: str, table: str) -> None:
    """Let the table have a row for all that the topic holds now."""
    for partition, (start, end) in topics.extents([topic])[topic].items():
        append(store, table, [position(topic, offset) | {"partition": partition} for offset in range(start, end)])


def account_of(topic: str) -> Account:
    return next(account for account in accounts() if account.topic == topic)


@pytest.fixture
def address(broker: Broker) -> dict[str, Any]:
    return {"bootstrap_servers": broker.address}


def test_what_is_missing_or_there_twice_or_not_yet_read_is_counted(store: Path, address: dict[str, Any]) -> None:
    everything_kept(store, SENSOR_SUHU, "sensor_suhu")
    first, second, third, fourth, *_ = sent(SENSOR_SUHU, 6, **address)
    before = account_of(SENSOR_SUHU)
    assert (before.unread, before.is_right) == (6, True)
    append(store, "sensor_suhu", [position(SENSOR_SUHU, offset) for offset in (first, fourth)])
    append(store, "rejects/temperature_filter", [rejected(second, b"{", partition=PARTITION)] * 2)
    found = account_of(SENSOR_SUHU)
    assert found[2:] == (before.rows + 2, 2, 2, 1, 1)
    assert tables.main(["check"]) == 1
    append(store, "sensor_suhu", [position(SENSOR_SUHU, third)])
    assert account_of(SENSOR_SUHU).missing == 0


def test_offsets_of_a_transaction_that_never_was_are_not_missing(store: Path, address: dict[str, Any]) -> None:
    everything_kept(store, SENSOR_SUHU, "sensor_suhu")
    with KafkaProducer(transactional_id="accounts", **address) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(SENSOR_SUHU, value=b"{}", partition=PARTITION)
        producer.abort_transaction()
    (last,) = sent(SENSOR_SUHU, 1, **address)
    append(store, "sensor_suhu", [position(SENSOR_SUHU, last)])
    assert account_of(SENSOR_SUHU)[4:] == (0, 0, 0)


def test_late_readings_are_rows_and_rejects_and_heartbeats_are_neither(store: Path, address: dict[str, Any]) -> None:
    everything_kept(store, SENSOR_SUHU_GUDANG, "sensor_gudang")
    (late,) = sent(SENSOR_SUHU_GUDANG, 1, **address)
    append(store, "sensor_gudang", [position(SENSOR_SUHU_GUDANG, late)])
    append(
        store,
        "rejects/warehouse_monitor",
        [rejected(late, b"{}", "late", topic=SENSOR_SUHU_GUDANG, partition=PARTITION)],
    )
    assert account_of(SENSOR_SUHU_GUDANG)[4:] == (0, 0, 0)
    there = [account.topic for account in accounts()]
    assert SENSOR_KELEMBABAN_GUDANG in there
    assert DETAK_GUDANG not in there


@pytest.mark.usefixtures("store")
def test_a_check_waits_until_all_is_read_if_it_is_asked_to(
    address: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    sent(SENSOR_SUHU, 1, **address)
    assert tables.main(["check"]) == 0
    assert "each message is a row or a reject, and once; " in capsys.readouterr().out
    assert tables.main(["check", "--json", "--wait", "0.1"]) == 1
    first = json.loads(capsys.readouterr().out)[0]
    assert (first["topic"], first["rows"], first["unread"] > 0) == (SENSOR_SUHU, 0, True)


def test_a_table_from_before_the_topic_was_made_anew_is_not_short_of_anything(store: Path) -> None:
    everything_kept(store, SENSOR_SUHU, "sensor_suhu")
    append(store, "sensor_suhu", [position(SENSOR_SUHU, 10**12)])
    assert account_of(SENSOR_SUHU)[4:] == (0, 0, 0)
