"""A home and a broker for one benchmark, and the ways to run a job or a peer on them."""

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from arus import broker, home, java, ping, submit, topics

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


def start_job(job: str, *options: str, checkout: Path = home.ROOT) -> "subprocess.Popen[str]":
    """Start a job of a checkout of Arus by spark-submit; its words go to the home's logs."""
    out = (home.logs() / f"{job}.out").open("a")
    return subprocess.Popen([str(checkout / "spark-submit.sh"), job, *options], stdout=out, stderr=out, text=True)


@contextlib.contextmanager
def running(*module: str) -> Iterator[int]:
    """Start a server that says its address when it is ready, and yield its port."""
    environment = os.environ | {"JAVA_HOME": str(java.java_home()), "SPARK_HOME": spark_home()}
    environment |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    with (home.logs() / f"{module[0]}.log").open("a") as log:
        line = [sys.executable, "-m", *module]
        process = subprocess.Popen(line, cwd=home.ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout  # noqa: S101
    try:
        address = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
        if not address:
            sys.exit((home.logs() / f"{module[0]}.log").read_text())
        yield int(address[1])
    finally:
        process.terminate()
        process.wait()


def spark_home() -> str:
    return str(Path(submit.spark_submit()).parent.parent)


def run_peer(script: str, *argv: str) -> list[dict[str, float]]:
    """Run benchmarks/<script>.py by spark-submit with Spark's default settings but the heap, and return its results."""
    line = [submit.spark_submit(), "--master", "local[2]", "--driver-memory", "1g", "--jars", submit.spark_jars()]
    line += ["--conf", "spark.ui.enabled=false", *peer_settings(), str(HERE / f"{script}.py"), *argv]
    environment = os.environ | {"PYTHONPATH": str(home.ROOT), "PYSPARK_PYTHON": sys.executable}
    return _results(line, environment)


def run_python(script: str, *argv: str) -> dict[str, float]:
    """Run benchmarks/<script>.py by itself, and return its result."""
    [result] = _results([sys.executable, "-m", f"benchmarks.{script}", *argv], dict(os.environ))
    return result


def _results(line: list[str], environment: dict[str, str]) -> list[dict[str, float]]:
    done = subprocess.run(line, cwd=home.ROOT, env=environment, capture_output=True, text=True, check=False)
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
