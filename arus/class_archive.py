"""python -m arus.class_archive: runs a small job once, and keeps the classes it loaded for the JVMs of all drivers.

A driver spends much of its start on finding, checking and linking the same thousands of classes. The JVM can map them
from an archive instead (JEP 350, Dynamic CDS Archives). It looks whether the archive fits its own version and the jars
of its class path, and does without where not: nothing but the time of a start depends on it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

from arus import broker, home, submit, topics
from arus.errors import ArusError
from arus.ping import free_port

JOB = "retail_ingest"
ROWS = 200
LONG_SECONDS = 300.0


def make() -> None:
    """Write the archive; raise ArusError where the job or the JVM would not."""
    begun, port = time.monotonic(), free_port()
    print(f"classes: a throw-away broker on port {port}, only for this step", flush=True)
    archive = submit.class_archive()
    archive.unlink(missing_ok=True)
    draft = archive.with_suffix(".draft")
    with tempfile.TemporaryDirectory(prefix="arus-") as folder:
        os.environ |= {
            "ARUS_HOME": folder,
            "ARUS_STORE": folder,
            "KAFKA_BOOTSTRAP_SERVERS": f"localhost:{port}",
            "SPARK_SUBMIT_OPTS": f'"-XX:ArchiveClassesAtExit={draft}" -Xlog:cds=off -Xlog:cds+dynamic=off',
        }
        broker.start()
        try:
            print("classes: the job runs; nothing is shown meanwhile", flush=True)
            topics.create()
            _run("-m", "producers.retail", "--count", str(ROWS), "--delay", "0")
            _run("-m", "arus.submit", JOB, "--conf", "spark.arus.trigger=availableNow")
        finally:
            broker.stop()
    if not draft.exists():
        raise ArusError("this JVM wrote no archive of its classes")
    draft.replace(archive)
    size, seconds = archive.stat().st_size / 1e6, time.monotonic() - begun
    print(f"classes: {size:.0f} MB in {archive.relative_to(home.ROOT)} after {seconds:.0f} s")


def _run(*argv: str) -> None:
    done = subprocess.run(
        [sys.executable, *argv], cwd=home.ROOT, capture_output=True, text=True, timeout=LONG_SECONDS, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ArusError(f"{' '.join(argv[:3])} ended with {done.returncode}: {said[-1] if said else 'it said nothing'}")


def main(argv: list[str]) -> int:
    """Make the archive; where that fails, say so, and that all runs without it."""
    argparse.ArgumentParser(prog="python -m arus.class_archive", description=__doc__).parse_args(argv)
    try:
        make()
    except (ArusError, subprocess.TimeoutExpired, OSError) as error:
        print(f"classes: no archive, drivers start without it ({error})")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
