"""From a reading's send to its alert in a reader's hand: python -m benchmarks latency [--seconds 60] [--rate 1000].

Producer, broker, Spark and reader share the machine. In one run: the way through Kafka alone, without Spark; the job in
Real-time Mode, alone and beside its tables; and in micro-batches every 2 s, as people run it today.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

from arus import home, schemas
from benchmarks.rig import machine, rig, start_job

NO_TABLES = ("--conf", "spark.arus.table-trigger=24 hours")
FORMS = {
    "Real-time Mode, alerts alone": ("realtime 5 minutes", *NO_TABLES),
    "Real-time Mode, beside the tables": ("realtime 5 minutes",),
    "micro-batches every 2 s": ("2 seconds",),
}
# Three readings in ten are alerts: 18,000 measured a minute.
HOT_OF_TEN = 3
START_SECONDS = 90
Taken = list[tuple[float, float]]


def produce(topic: str, rate: float, seconds: float) -> None:
    """Send readings that carry their send time, at an even rate; to the alerts' topic, only those that are alerts."""
    producer = Producer({"bootstrap.servers": home.bootstrap_servers(), "linger.ms": 0})
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        wait = begun + number / rate - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        is_hot = number % 10 < HOT_OF_TEN
        if is_hot or topic == schemas.SENSOR_SUHU:
            reading = {"sensor_id": f"S{number % 100}", "suhu": 85.0 if is_hot else 70.0, "timestamp": time.time()}
            producer.produce(topic, key=b"S%d" % (number % 100), value=json.dumps(reading).encode())
            producer.poll(0)
    producer.flush()


def read(seconds: float) -> None:
    """Print, for each alert that comes within so many seconds, when it was sent and how long it took (ms), as JSON."""
    consumer = Consumer({"bootstrap.servers": home.bootstrap_servers(), "group.id": "benchmark"})
    consumer.assign([TopicPartition(schemas.PERINGATAN_SUHU, 0, OFFSET_END)])
    deadline = time.monotonic() + seconds
    taken: Taken = []
    while time.monotonic() < deadline:
        message = consumer.poll(0.1)
        if message and not message.error():
            now = time.time()
            sent = json.loads(message.value() or b"")["timestamp"]
            taken.append((sent, 1000 * (now - sent)))
    print(json.dumps(taken))


def client(*argv: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.latency", *argv]
    return subprocess.Popen(command, cwd=home.ROOT, env=os.environ, stdout=subprocess.PIPE, text=True)


def sent_and_read(topic: str, rate: float, warm_up: float, seconds: float) -> Taken:
    """Return when each alert after the warm-up was sent, and how long it took (ms), in the order of sending."""
    reader = client("read", str(warm_up + seconds + 5))
    producer = client("produce", topic, str(rate), str(warm_up + seconds))
    begun = time.time()
    taken: Taken = json.loads(reader.communicate()[0])
    producer.wait()
    measured = sorted((sent, took) for sent, took in taken if sent >= begun + warm_up)
    if len(measured) < 0.99 * rate * seconds * HOT_OF_TEN / 10:
        sys.exit(f"only {len(measured):,} alerts came in time: the percentiles would leave out the slowest")
    return measured


def await_first_alert(deadline: float) -> None:
    """Send a hot reading a second until an alert comes back: the job is up."""
    consumer = Consumer({"bootstrap.servers": home.bootstrap_servers(), "group.id": "benchmark"})
    consumer.assign([TopicPartition(schemas.PERINGATAN_SUHU, 0, OFFSET_END)])
    producer = Producer({"bootstrap.servers": home.bootstrap_servers()})
    while not consumer.poll(1.0):
        producer.produce(schemas.SENSOR_SUHU, value=b'{"sensor_id":"S1","suhu":85.0}')
        producer.poll(0)
        if time.monotonic() > deadline:
            sys.exit(f"no alert within {START_SECONDS} s: see {home.logs() / 'temperature_filter.out'}")
    producer.flush()
    consumer.close()


def measure(trigger: str, rate: float, warm_up: float, seconds: float, *options: str) -> Taken:
    begun = time.monotonic()
    job = start_job("temperature_filter", "--conf", f"spark.arus.trigger={trigger}", *options)
    try:
        await_first_alert(begun + START_SECONDS)
        print(f"first alert {time.monotonic() - begun:.1f} s after the job's start", file=sys.stderr, flush=True)
        return sent_and_read(schemas.SENSOR_SUHU, rate, warm_up, seconds)
    finally:
        job.terminate()
        job.wait()


def percentiles(taken: Taken) -> str:
    cuts = statistics.quantiles((took for _, took in taken), n=1000)
    longest = max(took for _, took in taken)
    at = {"p50": cuts[499], "p90": cuts[899], "p99": cuts[989], "p99.9": cuts[998], "max": longest}
    return ", ".join(f"{name} {value:,.1f} ms" for name, value in at.items())


def pause(taken: Taken, every: float) -> float:
    """Return the median, over windows of `every` seconds, of the slowest alert (ms): what the end of a batch costs."""
    slowest: dict[int, float] = {}
    for sent, took in taken:
        window = int((sent - taken[0][0]) / every)
        slowest[window] = max(took, slowest.get(window, 0))
    return statistics.median(slowest.values())


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks latency", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--warm-up", type=float, default=40)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--trigger", action="append", help="measure this trigger instead; may be given again")
    options, spark_options = parser.parse_known_args(argv)
    times = (options.rate, options.warm_up, options.seconds)
    forms = {trigger: (trigger,) for trigger in options.trigger} if options.trigger else FORMS
    print(machine(), f"- {options.rate:,.0f} readings/s for {options.seconds:.0f} s after {options.warm_up:.0f} s")
    with rig():
        for _ in range(options.runs):
            floor = sent_and_read(schemas.PERINGATAN_SUHU, options.rate, 5, options.seconds)
            print(f"through Kafka alone: {len(floor):,} alerts, {percentiles(floor)}", flush=True)
            for name, (trigger, *more) in forms.items():
                taken = measure(trigger, *times, *more, *spark_options)
                print(f"{name}: {len(taken):,} alerts, {percentiles(taken)}", flush=True)
        every = 10
        taken = measure(f"realtime {every} seconds", *times, *NO_TABLES, *spark_options)
        print(f"the pause at the end of a Real-time batch: {pause(taken, every):,.0f} ms (median of {every} s windows)")
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "produce":
        produce(sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
    else:
        read(float(sys.argv[2]))
