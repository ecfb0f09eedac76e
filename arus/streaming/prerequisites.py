"""What a job waits for at its start: a master that takes it, executors, Kafka."""

import pyspark
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from arus import home, schemas
from arus.base.waiting import patience_seconds, wait_aloud
from arus.errors import ArusError
from arus.listener import BatchListener
from arus.local.master import STANDALONE
from arus.ping import addresses, is_open, kafka_remedy
from arus.progress import said_if_slow
from arus.streaming.spark_internals import executors


def session(name: str, master: str) -> SparkSession:
    """Return the session; where a cluster does not take the application, ArusError names its master."""
    if not master.startswith(STANDALONE):
        return SparkSession.builder.getOrCreate()
    try:
        with said_if_slow(f"{name}: waiting for {master} to take this application, for up to a minute ..."):
            return SparkSession.builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise ArusError(
            f"{master} did not take this application: what answers there is no Spark master, or not one of Spark "
            f"{pyspark.__version__} (the whole trace: {home.logs() / (name + '.log')})"
        ) from error


def await_executors(spark: SparkSession, listener: BatchListener) -> None:
    """Wait aloud for the first executor of a standalone cluster; ArusError where the cluster gives none."""
    master = str(spark.sparkContext.master)
    if not has_fixed_executors(spark):
        return
    what = f"executors from {master}"
    if not wait_aloud(lambda: executors(spark) > 0, what, listener.say_waiting):
        raise ArusError(
            f"{master} gave this job no executor within {patience_seconds():g} s: its workers have no free cores or "
            "too little memory for spark.executor.memory; its page says which applications hold them"
        )


def has_fixed_executors(spark: SparkSession) -> bool:
    """Return whether the job has executors of a cluster, and always as many as it asks for."""
    is_local = str(spark.sparkContext.master).startswith("local")
    return not is_local and spark.conf.get("spark.dynamicAllocation.enabled", "false") != "true"


def await_kafka(name: str, listener: BatchListener) -> None:
    """Wait aloud for the Kafka that the job reads; ArusError where none answers."""
    wanted = [topic for topic in schemas.entry(name).reads if topic in schemas.TOPICS]
    if not wanted:
        return
    where = home.bootstrap_servers()
    if not wait_aloud(lambda: any(map(is_open, addresses())), f"Kafka at {where}", listener.say_waiting):
        raise ArusError(f"no Kafka answers at {where}: {kafka_remedy()}")
