"""How every job begins and ends: settings, session, locks; its queries, until they end, fail, or are asked to stop."""

import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, TypeVar

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import checkpoints, failures, home, locks, settings
from arus.errors import ArusError
from arus.kafka_io import refuse_too_few_slots
from arus.listener import BatchListener
from arus.settings import Trigger
from arus.streaming.partitions import PartitionWatch
from arus.streaming.ticker import Ticker

S = TypeVar("S")

# A stop waits this long for the running micro-batch; what it cuts off is done again at the next start.
STOP_PATIENCE_SECONDS = 6.0
# How often topics are looked at for new partitions, while a Real-time query reads them.
LOOK_SECONDS = 3.0


@dataclass(frozen=True)
class Job:
    """A started job: its session, and what its queries need to know."""

    name: str
    spark: SparkSession
    listener: BatchListener

    def checkpoint(self, query: str) -> str:
        """Return where a query's checkpoint is; ArusError where it is damaged."""
        if local := home.local_store():
            checkpoints.refuse_damaged(local / "checkpoints" / self.name / query, self.name)
        return f"{home.store()}/checkpoints/{self.name}/{query}"

    def run(
        self,
        *writers: DataStreamWriter,
        one_by_one: bool = False,
        realtime: Mapping[DataStreamWriter, str] = MappingProxyType({}),
    ) -> None:
        """Start the queries and wait for them: all at once, or (draining) each when the one before has ended.

        `realtime`: those in Real-time Mode, each with the topics that it reads, with commas between.
        """
        watch = PartitionWatch([name for names in realtime.values() for name in names.split(",")])
        refuse_too_few_slots(self.spark, watch.counts)
        ticker = Ticker(LOOK_SECONDS, lambda _: watch.look(), "partitions")
        stop = _StopRequest(self.spark)
        try:
            if realtime:
                ticker.start()
            for round_ in [[writer] for writer in writers] if one_by_one else [list(writers)]:
                queries = {writer: writer.start() for writer in round_}
                while _has_grown(list(queries.values()), stop, watch):
                    refuse_too_few_slots(self.spark, watch.counts)
                    for writer in realtime:
                        queries[writer] = self._restarted(queries[writer], writer, watch.counts)
                self.listener.await_ended(len(round_))
                if stop.asked.is_set():
                    break
        except PySparkException as error:
            raise ArusError(failures.explain(str(error), self.name)) from error
        finally:
            stop.done.set()
            ticker.stop()

    def _restarted(self, query: StreamingQuery, writer: DataStreamWriter, counts: Mapping[str, int]) -> StreamingQuery:
        """Start a Real-time query again: it reads new partitions from then on, and its last batch once more."""
        query.stop()
        self.listener.await_ended(1)
        again = writer.start()
        self.listener.note_partitions(again.name, counts)
        return again

    def rounds(self, trigger: Trigger, seconds: float) -> Iterator[None]:
        """Yield once where the trigger is availableNow; else again and again, until a stop is asked for."""
        stop = _StopRequest(self.spark)
        try:
            while not stop.asked.is_set():
                yield
                if trigger.drains:
                    return
                stop.asked.wait(seconds)
        finally:
            stop.done.set()


def start(settings_type: type[S]) -> tuple[Job, S]:
    """Return the job and its settings; a wrong setting or a second writer ends it before Spark reads a byte."""
    sys.excepthook = _one_line_for_users
    SparkContext._ensure_initialized()  # The JVM of spark-submit is there; no Spark is started yet.
    conf = SparkConf()
    name = str(conf.get("spark.app.name"))
    values = settings.read(settings_type, dict(conf.getAll()))
    spark = SparkSession.builder.getOrCreate()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the JVM as well, which asks us to stop in order.
    locks.hold(spark, f"checkpoints/{name}", name)
    listener = BatchListener(name)
    spark.streams.addListener(listener)
    return Job(name, spark, listener), values


def _has_grown(queries: Sequence[StreamingQuery], stop: "_StopRequest", watch: PartitionWatch) -> bool:
    """Wait until all queries have ended or a stop is asked for: False; or until a topic has got partitions: True.

    StreamingQueryException as soon as a query fails.
    """
    while active := [query for query in queries if not _has_ended(query)]:
        if stop.asked.wait(0.1):
            _stop(active)
            return False
        if watch.take():
            return True
    return False


def _has_ended(query: StreamingQuery) -> bool:
    if query.isActive:
        return False
    query.awaitTermination()
    return True


def _stop(queries: Sequence[StreamingQuery]) -> None:
    """Stop each query between two micro-batches, where it gets there in time; a Real-time batch has no such point."""
    deadline = time.monotonic() + STOP_PATIENCE_SECONDS
    for query in queries:
        while _is_in_micro_batch(query) and time.monotonic() < deadline:
            time.sleep(0.02)
        query.stop()


def _is_in_micro_batch(query: StreamingQuery) -> bool:
    return query.isActive and bool(query.status["isTriggerActive"]) and query.status["isDataAvailable"]


class _StopRequest:
    """SIGTERM or Ctrl-C, as the JVM hears it: its first shutdown hook waits here until the queries have stopped."""

    HOOK_PRIORITY = 1000  # Spark's own hook, which ends the session, has 50.

    class Java:
        implements = ("java.lang.Runnable",)

    def __init__(self, spark: SparkSession) -> None:
        self.asked = threading.Event()
        self.done = threading.Event()
        jvm: Any = spark._jvm
        hooks = jvm.org.apache.hadoop.util.ShutdownHookManager.get()
        hooks.addShutdownHook(self, self.HOOK_PRIORITY)

    def run(self) -> None:
        print("stopping after the running micro-batch ...", file=sys.stderr, flush=True)
        self.asked.set()
        self.done.wait(STOP_PATIENCE_SECONDS + 2)

    def hashCode(self) -> int:  # noqa: N802
        return id(self) & 0x7FFFFFFF

    def equals(self, other: object) -> bool:
        return self is other

    def toString(self) -> str:  # noqa: N802
        return "arus stop request"


def _one_line_for_users(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, ArusError):
        print(f"arus: {error}", file=sys.stderr)
    elif isinstance(error, PySparkException | Py4JError):
        print(f"arus: {failures.explain(str(error), Path(sys.argv[0]).stem)}", file=sys.stderr)
    else:
        traceback.print_exception(kind, error, trace)
