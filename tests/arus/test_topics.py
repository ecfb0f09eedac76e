from collections.abc import Callable

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

from arus import topics
from arus.errors import ArusError
from arus.schemas import SENSOR_SUHU, TOPICS
from tests.conftest import Broker, free_port

pytestmark = pytest.mark.e2e


def test_creating_the_topics_again_changes_nothing(broker: Broker) -> None:
    assert broker.address
    assert topics.create() == [f"{name}: exists" for name in TOPICS]
    found = {topic.name: topic.partitions for topic in topics.topics()}
    assert {name: found[name] for name in TOPICS} == TOPICS


def test_every_topic_is_created_where_there_was_none(own_broker: Callable[[], Broker]) -> None:
    own = own_broker()
    assert own.arus("broker", "start").returncode == 0
    assert all(name in own.arus("topics", "list").stdout.splitlines()[-1] for name in TOPICS)
    admin = KafkaAdminClient(bootstrap_servers=own.address)
    admin.create_topics({SENSOR_SUHU: {"num_partitions": 5, "replication_factor": 1}})
    admin.close()
    lines = own.arus("topics", "create").stdout.splitlines()
    assert lines == [
        f"{name}: exists with 5 partitions instead of {count}; left as it is"
        if name == SENSOR_SUHU
        else f"{name}: created, {count} partition{'s' * (count > 1)}"
        for name, count in TOPICS.items()
    ]


def test_the_list_counts_the_messages_of_every_partition(broker: Broker) -> None:
    before = {topic.name: topic.messages for topic in topics.topics()}
    producer = KafkaProducer(bootstrap_servers=broker.address)
    for partition in (0, 1, 1):
        producer.send(SENSOR_SUHU, value=b"{}", partition=partition).get(timeout=20)
    producer.close()
    after = {topic.name: topic.messages for topic in topics.topics()}
    assert after == {**before, SENSOR_SUHU: before[SENSOR_SUHU] + 3}


def test_a_misspelt_topic_is_an_error_and_not_a_new_topic(broker: Broker) -> None:
    producer = KafkaProducer(bootstrap_servers=broker.address, max_block_ms=2000)
    with pytest.raises(KafkaError):
        producer.send("sensor-shuhu", value=b"{}").get(timeout=20)
    producer.close()
    assert "sensor-shuhu" not in {topic.name for topic in topics.topics()}


def test_without_a_broker_the_command_that_starts_one_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"localhost:{free_port()}"
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
    for ask in (topics.create, topics.topics):
        with pytest.raises(ArusError, match=rf"^nobody answers at {address}: `python -m arus broker start`$"):
            ask()


def test_the_list_is_readable_where_there_is_much(capsys: pytest.CaptureFixture[str]) -> None:
    topics._show([topics.Topic(SENSOR_SUHU, 2, 1_234_567)])
    assert capsys.readouterr().out.splitlines()[1].split() == [SENSOR_SUHU, "2", "1,234,567"]


def test_no_broker_is_started_for_an_address_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.invalid:9092")
    with pytest.raises(ArusError, match=r": start that one, or unset KAFKA_BOOTSTRAP_SERVERS$"):
        topics.topics()
