"""python -m arus doctor: checks in under a second, without a JVM, what Arus needs, and says how to mend what fails."""

import argparse
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from arus import home
from arus.errors import ArusError
from arus.java import find_java, java_version
from arus.ping import addresses, embedded_address, is_kafka, is_open, kafka_remedy

GIB = 2**30
COLOURS = {"ok": "32", "info": "36", "warn": "33", "FAIL": "31"}
SETUP = "`make setup`"


class Check(NamedTuple):
    name: str
    state: str
    text: str


def python_check() -> Check:
    running = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < (3, 10):  # noqa: UP036  # the doctor is who must say it
        return Check("python", "FAIL", f"{running}: 3.10 or later is needed; install one, then {SETUP}")
    if Path(sys.prefix).resolve() != (home.ROOT / ".venv").resolve():
        return Check(
            "python", "warn", f"{running} is not the project's: {SETUP}, then `.venv/bin/python -m arus doctor`"
        )
    return Check("python", "ok", running)


def system_check() -> Check:
    if platform.system() == "Windows":
        return Check("system", "FAIL", "native Windows has no fork and no file locks as used here: use WSL2")
    return Check(
        "system", "ok", f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores"
    )


def java_check() -> Check:
    try:
        java = find_java()
    except ArusError as error:
        return Check("java", "FAIL", str(error))
    return Check("java", "ok", f"{java_version(java)} ({java})")


def packages_check() -> Check:
    requirements = home.ROOT / "requirements" / "run.txt"
    pins = _pins(requirements.read_text())
    wrong = [
        fault for name, (versions, optional) in pins.items() if (fault := _package_fault(name, versions, optional))
    ]
    if wrong:
        return Check("packages", "FAIL", f"{wrong[0]}{_more(wrong)}: {SETUP}")
    return Check("packages", "ok", f"{len(pins)} at the versions of requirements/run.txt")


def versions_check() -> Check:
    """Compare the jars of conf/ivy.xml with the Python packages that drive them: they only work together."""
    jars = dict(re.findall(r'name="([^"]+)" rev="([^"]+)"', (home.ROOT / "conf" / "ivy.xml").read_text()))
    spark, delta = _installed("pyspark"), _installed("delta-spark")
    if not spark or not delta:
        return Check("versions", "FAIL", f"PySpark or delta-spark is missing: {SETUP}")
    wanted = {
        "spark-sql-kafka-0-10_2.13": spark,
        f"delta-spark_{'.'.join(spark.split('.')[:2])}_2.13": delta,
    }
    wrong = [
        f"{jar} is {jars.get(jar)}, its Python package {ours}" for jar, ours in wanted.items() if jars.get(jar) != ours
    ]
    if wrong:
        return Check(
            "versions", "FAIL", f"{'; '.join(wrong)}: bring conf/ivy.xml and requirements/run.in together, {SETUP}"
        )
    kafka = jars.get("kafka-clients")
    return Check(
        "versions", "ok", f"Spark {spark}, Delta {delta}, Kafka clients {kafka}, broker {jars.get('kafka_2.13')}"
    )


def jars_check() -> Check:
    # Imported here since it needs fcntl, which Windows lacks, and there the doctor has to come as far as to say so.
    from arus.jars import verify

    try:
        wrong = verify()
    except ArusError as error:
        return Check("jars", "FAIL", str(error))
    if wrong:
        return Check("jars", "FAIL", f"{wrong[0]}{_more(wrong)}: {SETUP}")
    return Check("jars", "ok", f"those of Spark and of the broker in {home.ROOT / '.jars'} have the right SHA-256")


def home_check() -> Check:
    return _folder_check("ARUS_HOME", home.home())


def store_check() -> Check:
    store = home.local_store()
    if store is None:
        return Check("ARUS_STORE", "info", f"{home.store()}: looked at by the jobs as they start")
    return _folder_check("ARUS_STORE", store)


def broker_check() -> Check:
    try:
        listed, embedded = addresses(), embedded_address()
    except ArusError as error:
        return Check("broker", "FAIL", str(error))
    told = home.bootstrap_servers()
    if any(is_kafka(address) for address in listed):
        return Check("broker", "ok", f"a Kafka answers at {told}")
    if embedded is None:
        return Check("broker", "FAIL", f"no Kafka answers at {told}: {kafka_remedy()}")
    if is_open(embedded):
        other = "`export KAFKA_BOOTSTRAP_SERVERS=localhost:9192`"
        return Check(
            "broker", "FAIL", f"something that is not a plain Kafka has {told}: choose another port, as with {other}"
        )
    return Check("broker", "info", f"{told} is free: `python -m arus broker start` serves it")


def memory_check() -> Check:
    found = re.search(r"^MemAvailable:\s+(\d+)", _read("/proc/meminfo"), re.MULTILINE)
    if not found:
        return Check("memory", "info", "not known on this system; 2 GiB free are enough for the demo")
    free = int(found.group(1)) * 1024 / GIB
    if free < 2:
        return Check("memory", "warn", f"{free:.1f} GiB free, and the demo wants 2: close something")
    return Check("memory", "ok", f"{free:.1f} GiB free")


CHECKS: tuple[Callable[[], Check], ...] = (
    python_check,
    system_check,
    java_check,
    packages_check,
    versions_check,
    jars_check,
    home_check,
    store_check,
    broker_check,
    memory_check,
)


def _more(faults: list[str]) -> str:
    return f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""


def _pins(requirements: str) -> dict[str, tuple[set[str], bool]]:
    """Return, for each package, the versions pinned, and whether it may be absent: all its lines bear a condition."""
    pins: dict[str, tuple[set[str], bool]] = {}
    for name, pinned, condition in re.findall(r"^([\w.-]+)==([^\s;]+) *(;?)", requirements, re.MULTILINE):
        versions, optional = pins.get(name, (set(), True))
        pins[name] = (versions | {pinned}, optional and bool(condition))
    return pins


def _package_fault(name: str, versions: set[str], optional: bool) -> str | None:
    installed = _installed(name)
    if installed in versions or (installed is None and optional):
        return None
    return f"{name} is {installed or 'missing'}, not {' or '.join(sorted(versions))}"


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _folder_check(name: str, folder: Path) -> Check:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Check(name, "FAIL", f"{existing} is not a folder one may write to: mend that, or set {name} to another")
    free = shutil.disk_usage(existing).free / GIB
    if free < 1:
        return Check(
            name, "FAIL", f"{folder} has {free:.1f} GiB free, and 1 is needed: free some, or set {name} to another"
        )
    if free < 5:
        return Check(name, "warn", f"{folder} has {free:.1f} GiB free: less than 5 fills up within days")
    return Check(name, "ok", f"{folder}, {free:.0f} GiB free")


def _read(file: str) -> str:
    return Path(file).read_text() if Path(file).exists() else ""


def main(argv: list[str]) -> int:
    """Show every check; exit code 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m arus doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the checks as a JSON list")
    options = parser.parse_args(argv)
    # Nothing below Python and the system is worth a look on a system that will not do.
    checks = [check() for check in CHECKS[:2]]
    if checks[1].state == "ok":
        checks += [check() for check in CHECKS[2:]]
    if options.json:
        print(json.dumps([check._asdict() for check in checks], indent=2))
    else:
        print("\n".join(_line(check) for check in checks))
    return 1 if any(check.state == "FAIL" for check in checks) else 0


def _line(check: Check) -> str:
    state = f"{check.state:<4}"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        state = f"\033[{COLOURS[check.state]}m{state}\033[0m"
    return f"{state}  {check.name:<10}  {check.text}"
