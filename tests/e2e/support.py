"""What the end-to-end tests do again and again: send, run a job, look at what it left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from arus.home import ROOT
from tests.conftest import Broker

# The demo's twelve programs may run beside a test, on two cores.
PATIENCE = 300.0
DRAIN = ("--conf", "spark.arus.trigger=availableNow")


def submit(broker: Broker, job: str, *options: str) -> "subprocess.Popen[str]":
    """Start a job by ./spark-submit.sh, from a folder that is not the project's; its words are read with `words`."""
    command = [str(ROOT / "spark-submit.sh"), job, *options]
    return subprocess.Popen(
        command, cwd=broker.home, env=broker.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def words(process: "subprocess.Popen[str]") -> str:
    """Wait for the process to end, and return what it said."""
    try:
        return process.communicate(timeout=PATIENCE)[0]
    finally:
        process.kill()


def drain(broker: Broker, job: str, *options: str) -> str:
    """Run a job over what its topic holds, to the end."""
    process = submit(broker, job, *DRAIN, *options)
    said = words(process)
    assert process.returncode == 0, said
    return said


def send(broker: Broker, topic: str, values: Iterable[bytes | None], key: bytes = b"S1") -> int:
    """Send the values and return how many; every one is acknowledged."""
    with KafkaProducer(bootstrap_servers=broker.address, linger_ms=5) as producer:
        futures = [producer.send(topic, value=value, key=key) for value in values]
        return len([future.get(timeout=30) for future in futures])


def messages(broker: Broker, topic: str, at_least: int = 0) -> list[dict[str, object]]:
    """Return the JSON messages that the topic holds, waiting until there are so many."""
    found: list[dict[str, object]] = []
    consumer = KafkaConsumer(bootstrap_servers=broker.address)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        until(
            lambda: sum(consumer.end_offsets(partitions).values()) >= at_least,
            f"{at_least} messages in {topic}",
        )
        ends = sum(consumer.end_offsets(partitions).values())
        while len(found) < ends:
            for batch in consumer.poll(timeout_ms=500).values():
                found.extend(json.loads(message.value) for message in batch)
        return found
    finally:
        consumer.close()


def table(broker: Broker, name: str) -> pa.Table:
    """Return a Delta table whole: `tables/<name>` or `rejects/<job>`."""
    return DeltaTable(broker.home / name).to_pyarrow_table()


def row_count(broker: Broker, name: str) -> int:
    """Return how many rows a table has; none where it is not there yet."""
    try:
        return int(table(broker, name).num_rows)
    except TableNotFoundError:
        return 0


def positions(rows: pa.Table) -> list[tuple[int, int]]:
    """Return the rows' places in their topic, in order."""
    return sorted(zip(rows["partition"].to_pylist(), rows["offset"].to_pylist(), strict=True))


def everything(broker: Broker, topic: str) -> list[tuple[int, int]]:
    """Return every place that the topic holds a record at, in order."""
    consumer = KafkaConsumer(bootstrap_servers=broker.address)
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        ends = consumer.end_offsets(partitions)
        return [(partition.partition, offset) for partition in partitions for offset in range(ends[partition])]
    finally:
        consumer.close()


def until(is_so: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until it is so; AssertionError names what did not come about."""
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain for {what}"
        time.sleep(0.1)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def python(broker: Broker, *argv: str) -> "subprocess.Popen[str]":
    """Start one of the project's Python programs on the broker's home."""
    return subprocess.Popen(
        [sys.executable, *argv], cwd=ROOT, env=broker.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
