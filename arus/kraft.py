"""Makes what the embedded Kafka needs before it runs: its java command, its settings, and a formatted data folder."""

import base64
import json
import re
import shutil
import subprocess
import time
import uuid
from pathlib import Path

from arus import home
from arus.errors import ArusError
from arus.jars import pyspark_jars
from arus.java import find_java
from arus.ping import Address, free_port, is_open

# Without the JVM's second compiler, a broker takes half the processor time for its first million messages.
JVM = (
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)
SMALLEST_FREE_DISK = 500 * 2**20
TOPIC_FOLDER = re.compile(r".+-\d+")
METADATA_FOLDER = "__cluster_metadata-0"


def data() -> Path:
    return home.home() / "kafka"


def settings() -> Path:
    return home.run() / "broker.properties"


def log() -> Path:
    return home.logs() / "broker.log"


def prepared(address: Address) -> list[str]:
    """Return the command that runs the broker at `address`, with its settings written and its data folder formatted."""
    _need_usable_home()
    controller_port = _controller_port(address)
    _format_once(address, controller_port)
    settings().write_text(rendered(address, controller_port, data()))
    return java_command("kafka.Kafka", str(settings()))


def java_command(*main_class: str) -> list[str]:
    """Return the command that runs a class of Kafka in a small heap, logging to ARUS_HOME/logs/broker.log."""
    log4j2 = (home.ROOT / "conf" / "broker-log4j2.properties").as_uri()
    logging = [f"-Dlog4j2.configurationFile={log4j2}", f"-Darus.log={log()}"]
    crash = f"-XX:ErrorFile={home.logs()}/broker-crash-%p.log"
    return [str(find_java()), *JVM, crash, *logging, "-cp", _class_path(), *main_class]


def rendered(address: Address, controller_port: int, folder: Path) -> str:
    """Return conf/broker.properties with the lines that differ from home to home and from start to start."""
    controller = Address(address.host, controller_port)
    own = {
        "listeners": f"PLAINTEXT://{address},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{address}",
        "controller.quorum.voters": f"1@{controller}",
        # A properties file is Latin-1, and JSON escapes whatever is not ASCII just as it wants it.
        "log.dirs": json.dumps(str(folder))[1:-1],
    }
    fixed = (home.ROOT / "conf" / "broker.properties").read_text()
    return fixed + "".join(f"{key}={value}\n" for key, value in own.items())


def served_port() -> int | None:
    """Return the port that the settings of the last start name, or None where there was no start."""
    found = re.search(r"^advertised\.listeners=.*:(\d+)$", settings().read_text() if settings().exists() else "", re.M)
    return int(found.group(1)) if found else None


def _class_path() -> str:
    jars = home.ROOT / ".jars" / "broker"
    if not any(jars.glob("kafka_*.jar")):
        raise ArusError(f"the broker's jars are not in {jars}: run `make setup`")
    # Kafka's jars bring Log4j but no binding to it; PySpark's pair has both, and must come first.
    pyspark = pyspark_jars()
    binding = [*pyspark.glob("slf4j-api-*.jar"), *pyspark.glob("log4j-slf4j2-impl-*.jar")]
    return ":".join([*map(str, binding), f"{jars}/*"])


def _need_usable_home() -> None:
    if "," in str(home.home()):
        raise ArusError(f"Kafka reads the comma in {home.home()} as two folders: set ARUS_HOME to a path without one")
    home.home().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home.home()).free
    if free < SMALLEST_FREE_DISK:
        raise ArusError(
            f"{home.home()} has {free >> 20} MiB free, and the broker needs 500: free some, or set ARUS_HOME"
        )


def _controller_port(address: Address) -> int:
    beside = Address(address.host, address.port + 1)
    return beside.port if beside.port < 65536 and not is_open(beside) else free_port()


def _format_once(address: Address, controller_port: int) -> None:
    if _is_formatted(data()):
        return
    if data().exists():
        _set_aside_half_formatted()
    fresh = data().with_name("kafka.formatting")
    shutil.rmtree(fresh, ignore_errors=True)
    config = home.run() / "broker-format.properties"
    config.write_text(rendered(address, controller_port, fresh))
    format_it = java_command("kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(config))
    with log().open("ab") as said:
        done = subprocess.run(format_it, stdout=said, stderr=said, check=False)
    if done.returncode != 0 or not _is_formatted(fresh):
        raise ArusError(f"{data()} could not be formatted: see the end of {log()}")
    fresh.rename(data())


def _is_formatted(folder: Path) -> bool:
    identity = folder / "meta.properties"
    return identity.is_file() and "cluster.id=" in identity.read_text()


def _set_aside_half_formatted() -> None:
    folders = [entry.name for entry in data().iterdir() if entry.is_dir() and TOPIC_FOLDER.fullmatch(entry.name)]
    if any(name != METADATA_FOLDER for name in folders):
        raise ArusError(
            f"{data()} has topics but no usable meta.properties, so nothing was touched: "
            f"put that file back, or `mv {data()} {data()}.old` to begin with an empty broker"
        )
    if any(data().iterdir()):
        aside = data().with_name(f"kafka.half-formatted-{time.time_ns()}")
        data().rename(aside)
        print(f"broker: {data()} was half formatted and without topics: moved to {aside}, formatting anew", flush=True)


def _cluster_id() -> str:
    """Return a Kafka UUID: 22 characters of URL-safe base64; the tools take a leading dash for an option."""
    while (name := base64.urlsafe_b64encode(uuid.uuid4().bytes)[:22].decode()).startswith("-"):
        pass
    return name
