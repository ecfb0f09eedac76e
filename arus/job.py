"""How every job begins and ends: settings, session, locks; its queries, until they end, fail, or are asked to stop."""

import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType, TracebackType
from typing import TypeVar

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
from arus.streaming.executor_watch import ExecutorWatch
from arus.streaming.partitions import PartitionWatch
from arus.streaming.prerequisites import await_executors, await_kafka, has_fixed_executors, session
from arus.streaming.spark_internals import executors
from arus.streaming.stop_request import STOP_PATIENCE_SECONDS, StopRequest
from arus.streaming.ticker import Ticker

S = TypeVar("S")

# How often topics are looked at for new partitions, while a Real-time query reads them, and a
# cluster for executors.
LOOK_SECONDS = 3.0


@dataclass(frozen=True)
class Job:
    """A started job: its session, and what its queries need to know."""

    name: str
    spark: SparkSession
    listener: BatchListener
    stop: StopRequest
    # By the name of a query: called as soon as it has ended as it should.
    at_orderly_end: dict[str, Callable[[], None]] = field(default_factory=dict)

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

        `realtime`: those in Real-time Mode, each with the topics that it reads, with commas
        between.
        """
        watch = PartitionWatch([name for names in realtime.values() for name in names.split(",")])
        refuse_too_few_slots(self.spark, watch.counts)
        try:
            with self._at_work(), Ticker(LOOK_SECONDS, lambda _: watch.look(), "partitions"):
                for round_ in [[writer] for writer in writers] if one_by_one else [list(writers)]:
                    self._run_together(round_, realtime, watch)
                    if self.stop.asked.is_set():
                        break
                self.listener.note("stopped")
                if self.stop.asked.is_set():
                    print(f"{self.name}: stopped; the next start goes on from here", flush=True)
        except PySparkException as error:
            raise ArusError(failures.explain(str(error), self.name)) from error

    def _run_together(
        self, writers: Sequence[DataStreamWriter], realtime: Collection[DataStreamWriter], watch: PartitionWatch
    ) -> None:
        """Run queries until all have ended, or a stop is asked for."""
        queries = {writer: writer.start() for writer in writers}
        names = ", ".join(query.name.removeprefix(f"{self.name}.") for query in queries.values())
        print(f"{self.name}: running: {names}; the first batch takes some seconds", flush=True)
        while self._has_grown(queries, watch):
            refuse_too_few_slots(self.spark, watch.counts)
            for writer in realtime:
                queries[writer] = self._restarted(queries[writer], writer, watch.counts)
        deadline = time.monotonic() + STOP_PATIENCE_SECONDS
        for writer in sorted(writers, key=lambda writer: writer not in realtime):
            self._end(queries[writer], 0 if writer in realtime else deadline)
        self.listener.await_ended(len(writers))

    def _has_grown(self, queries: Mapping[DataStreamWriter, StreamingQuery], watch: PartitionWatch) -> bool:
        """Wait until all queries have ended, or a stop is asked for: False; or a topic has got partitions: True.

        StreamingQueryException as soon as a query fails.
        """
        while not _have_ended(queries.values()):
            if self.stop.asked.wait(0.1):
                return False
            if watch.take():
                return True
        return False

    def _end(self, query: StreamingQuery, deadline: float) -> None:
        """Stop a query that still runs, between two micro-batches if it gets there before the deadline (monotonic).

        There is no such point for a Real-time query.
        """
        while _is_in_micro_batch(query) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not _have_ended([query]):
            query.stop()
        self.at_orderly_end.pop(query.name, lambda: None)()

    def _restarted(self, query: StreamingQuery, writer: DataStreamWriter, counts: Mapping[str, int]) -> StreamingQuery:
        """Start a Real-time query again: it reads new partitions from then on, and its last batch once more."""
        if not _have_ended([query]):
            query.stop()
        self.listener.await_ended(1)
        again = writer.start()
        self.listener.note_partitions(again.name, counts)
        return again

    def rounds(self, trigger: Trigger, seconds: float) -> Iterator[None]:
        """Yield once where the trigger is availableNow; else again and again, until a stop is asked for."""
        with self._at_work():
            while not self.stop.asked.is_set():
                yield
                if trigger.drains:
                    break
                self.stop.asked.wait(seconds)
            self.listener.note("stopped")

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Meanwhile a stop is this job's to make, and a cluster that leaves it without executors ends it."""
        watch = ExecutorWatch(lambda: executors(self.spark), self.listener, self._end_at_once)
        is_watched = has_fixed_executors(self.spark)
        self.stop.take_over()
        try:
            with Ticker(LOOK_SECONDS, watch.tick, "executors") if is_watched else nullcontext():
                yield
        finally:
            self.stop.done.set()

    def _end_at_once(self, why: str) -> None:
        """End the driver from any thread: the one at work may wait for a task that nobody runs."""
        if self.stop.asked.is_set():
            return
        line = f"{why}: it ends here, to be started again, and goes on from its checkpoint then"
        self.listener.note("failed", error=line)
        print(f"arus: {line}", file=sys.stderr, flush=True)
        os._exit(1)


def start(settings_type: type[S]) -> tuple[Job, S]:
    """Return the job and its settings; a wrong setting or a second writer ends it before Spark reads a byte."""
    # It would log, with two traces, what a query fails of; that is told in one line at the end.
    logging.getLogger("py4j.clientserver").setLevel(logging.CRITICAL)
    SparkContext._ensure_initialized()  # The JVM of spark-submit is there; no Spark is started yet.
    conf = SparkConf()
    name = str(conf.get("spark.app.name"))
    stop = StopRequest(name)
    sys.excepthook = partial(_one_line_for_users, name, stop)
    values = settings.read(settings_type, dict(conf.getAll()))
    spark = session(name, str(conf.get("spark.master")))
    # Signals to the whole process group reach the JVM as well, which asks us to stop in order.
    # PySpark has a handler of its own for Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    locks.hold(spark, f"checkpoints/{name}", name)
    listener = BatchListener(name)
    listener.note("starting")
    stop.note = listener.note
    spark.streams.addListener(listener)
    await_executors(spark, listener)
    await_kafka(name, listener)
    return Job(name, spark, listener, stop), values


def _have_ended(queries: Collection[StreamingQuery]) -> bool:
    """Return whether all have ended; StreamingQueryException of any that has failed, whatever the others do."""
    ended = [query for query in queries if not query.isActive]
    for query in ended:
        query.awaitTermination()
    return len(ended) == len(queries)


def _is_in_micro_batch(query: StreamingQuery) -> bool:
    return query.isActive and bool(query.status["isTriggerActive"]) and query.status["isDataAvailable"]


def _one_line_for_users(
    job: str, stop: StopRequest, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    is_of_a_stop = stop.asked.is_set() and isinstance(error, PySparkException | Py4JError | ConnectionError)
    if is_of_a_stop or isinstance(error, KeyboardInterrupt):
        line, state = f"{job}: stopped in the midst of its work; the next start does it again", "stopped"
    elif isinstance(error, ArusError):
        line, state = f"arus: {error}", "failed"
    elif isinstance(error, PySparkException | Py4JError):
        line, state = f"arus: {failures.explain(str(error), job)}", "failed"
    else:
        line, state = "".join(traceback.format_exception(kind, error, trace)).rstrip(), "failed"
    stop.note(state, error=line.splitlines()[-1] if state == "failed" else None)
    # The JVM that would pass it on may have gone.
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)
