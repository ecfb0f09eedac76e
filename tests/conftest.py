"""What the tests share: real brokers, each with its own home and port, stopped by process id at the end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from arus import broker as embedded
from arus import submit, topics
from arus.home import ROOT
from arus.ping import free_port

__all__ = ["Broker", "free_port"]

# A shell has what it starts in the background ignore Ctrl-C, and so do its children: the tests send it to theirs.
signal.signal(signal.SIGINT, signal.default_int_handler)
# A test's driver lives for seconds: less time for the JVM's second compiler is more for the job. Read by spark-submit.
os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1")


def pytest_configure(config: pytest.Config) -> None:
    """Name the paths that are not there: pytest's processes look for them, and do not say it."""
    paths = [given.partition("::")[0] for given in config.args]
    if missing := [path for path in paths if not (config.invocation_params.dir / path).exists()]:
        raise pytest.UsageError(f"file or directory not found: {', '.join(missing)}")


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A small session with Delta, and with the settings that decide what a value means."""
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.jars", submit.spark_jars())
        .config("spark.executorEnv.PYTHONPATH", str(ROOT))
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.databricks.delta.snapshotPartitions", "1")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .getOrCreate()
    )
    # As spark-submit has it from arus/submit.py: the Python of the tasks.
    session.sparkContext.pythonExec = sys.executable
    yield session
    session.stop()


@dataclass(frozen=True)
class Broker:
    """A home and the address of its broker, which runs unless a test stopped it."""

    home: Path
    address: str

    @property
    def env(self) -> dict[str, str]:
        own = {"ARUS_HOME": str(self.home), "ARUS_STORE": str(self.home), "KAFKA_BOOTSTRAP_SERVERS": self.address}
        return {**os.environ, **own}

    @property
    def pid(self) -> int:
        return int((self.home / "run" / "broker.pid").read_text())

    def arus(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Run `python -m arus ...` on this home; return what it said and its exit code."""
        command = [sys.executable, "-m", "arus", *argv]
        return subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker that tests share, with the suite's topics; ARUS_HOME and KAFKA_BOOTSTRAP_SERVERS point to it."""
    shared = Broker(tmp_path_factory.mktemp("arus home"), f"localhost:{free_port()}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARUS_HOME", str(shared.home))
        patch.setenv("KAFKA_BOOTSTRAP_SERVERS", shared.address)
        try:
            embedded.start()
            topics.create()
            yield shared
        finally:
            patch.setenv("ARUS_HOME", str(shared.home))
            embedded.stop()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Callable[[], Broker]]:
    """Makes homes for tests that start, kill or spoil a broker themselves; whatever then runs in them is stopped."""
    made: list[Broker] = []

    def make() -> Broker:
        home = tmp_path / f"own home {len(made)}"
        home.mkdir()
        made.append(Broker(home, f"localhost:{free_port()}"))
        return made[-1]

    yield make
    for one in made:
        one.arus("broker", "stop")
