"""From a reading's send to its alert in a reader's hand: python -m benchmarks latency [--seconds 60] [--rate 1000].

Producer, broker, Spark and reader share the machine. Three forms in one run: the job in Real-time Mode, the job in
micro-batches at once, and in micro-batches every 2 s, as people run it today.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from arus import home, schemas
from benchmarks.rig import machine, rig, start_job

TRIGGERS = ("realtime 5 minutes", "0 seconds", "2 seconds")
# Three readings in ten are alerts: 18,000 measured a minute.
HOT_OF_TEN = 3


def produce(rate: float, seconds: float) -> None:
    """Send readings that carry their send time, at an even rate."""
    with KafkaProducer(bootstrap_servers=home.bootstrap_servers(), linger_ms=0) as producer:
        begun = time.perf_counter()
        for number in range(int(rate * seconds)):
            wait = begun + number / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            suhu = 85.0 if number % 10 < HOT_OF_TEN else 70.0
            value = json.dumps({"sensor_id": f"S{number % 100}", "suhu": suhu, "timestamp": time.time()})
            producer.send(schemas.SENSOR_SUHU, key=b"S%d" % (number % 100), value=value.encode())


def read(seconds: float) -> None:
    """Print, for each alert that comes within so many seconds, when it was sent and how long it took (ms), as JSON."""
    consumer = KafkaConsumer(bootstrap_servers=home.bootstrap_servers(), fetch_max_wait_ms=10)
    partition = TopicPartition(schemas.PERINGATAN_SUHU, 0)
    consumer.assign([partition])
    consumer.seek_to_end(partition)
    deadline = time.monotonic() + seconds
    taken: list[tuple[float, float]] = []
    while time.monotonic() < deadline:
        for batch in consumer.poll(timeout_ms=10).values():
            now = time.time()
            taken += [(sent := json.loads(message.value)["timestamp"], 1000 * (now - sent)) for message in batch]
    print(json.dumps(taken))


def measure(trigger: str, rate: float, seconds: float, warm_up: float, *options: str) -> list[float]:
    """Return the latencies (ms) of the alerts sent after the warm-up, in the order in which they were sent."""
    job = start_job("temperature_filter", "--conf", f"spark.arus.trigger={trigger}", *options)
    try:
        time.sleep(10)
        whole = warm_up + seconds
        reader = client("read", str(whole + 5))
        producer = client("produce", str(rate), str(whole))
        begun = time.time()
        taken = json.loads(reader.communicate()[0])
        producer.wait()
        return [took for sent, took in sorted(taken) if sent >= begun + warm_up]
    finally:
        job.terminate()
        job.wait()


def client(*argv: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.latency", *argv]
    return subprocess.Popen(command, cwd=home.ROOT, env=os.environ, stdout=subprocess.PIPE, text=True)


def percentiles(taken: list[float]) -> str:
    cuts = statistics.quantiles(taken, n=1000)
    at = {"p50": cuts[499], "p90": cuts[899], "p99": cuts[989], "p99.9": cuts[998], "max": max(taken)}
    return ", ".join(f"{name} {value:,.1f} ms" for name, value in at.items())


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks latency", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warm-up", type=float, default=25)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--trigger", action="append", help="measure this trigger instead; may be given again")
    options, spark_options = parser.parse_known_args(argv)
    print(machine(), f"- {options.rate:,.0f} readings/s for {options.seconds:.0f} s after {options.warm_up:.0f} s")
    with rig():
        for trigger in options.trigger or TRIGGERS:
            taken = measure(trigger, options.rate, options.seconds, options.warm_up, *spark_options)
            print(f"{trigger}: {len(taken):,} alerts, {percentiles(taken)}", flush=True)
    return 0


if __name__ == "__main__":
    numbers = [float(text) for text in sys.argv[2:]]
    if sys.argv[1] == "produce":
        produce(*numbers)
    else:
        read(*numbers)
