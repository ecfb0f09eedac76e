"""A home and a broker for one benchmark, and the ways to run a job or a peer on them."""

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from arus import broker, home, ping, submit, topics

HERE = Path(__file__).parent


@contextlib.contextmanager
def rig() -> Iterator[Path]:
    """A broker of its own in a temporary home, on a free port; both are gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="arus bench "))
    os.environ["ARUS_HOME"] = str(folder)
    os.environ.pop("ARUS_STORE", None)
    os.environ["KAFKA_BOOTSTRAP_SERVERS"] = f"localhost:{ping.free_port()}"
    try:
        broker.start()
        topics.create()
        yield folder
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)


def start_job(job: str, *options: str) -> "subprocess.Popen[str]":
    """Start a job by spark-submit; its words go to the home's logs."""
    out = (home.logs() / f"{job}.out").open("a")
    return subprocess.Popen([str(home.ROOT / "spark-submit.sh"), job, *options], stdout=out, stderr=out, text=True)


def run_peer(script: str, *argv: str) -> list[dict[str, float]]:
    """Run benchmarks/<script>.py by spark-submit with Spark's default settings but the heap, and return its results."""
    line = [submit.spark_submit(), "--master", "local[2]", "--driver-memory", "1g", "--jars", submit.spark_jars()]
    line += ["--conf", "spark.ui.enabled=false", *peer_settings(), str(HERE / f"{script}.py"), *argv]
    environment = os.environ | {"PYTHONPATH": str(home.ROOT), "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return [json.loads(text.removeprefix("RESULT ")) for text in done.stdout.splitlines() if text.startswith("RESULT ")]


def peer_settings() -> list[str]:
    extensions = "spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension"
    catalog = "spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog"
    return ["--conf", extensions, "--conf", catalog]


def machine() -> str:
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, load {load:.1f} at the start"
