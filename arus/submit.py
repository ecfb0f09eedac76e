"""./spark-submit.sh JOB [spark-submit options]: run jobs/JOB.py with conf/JOB.conf over conf/spark-defaults.conf.

The code travels as one zip, made anew at every start; the jars are the project's own. The options go to spark-submit as
they are: `--master spark://host:7077`, `--conf spark.arus.trigger=availableNow`, `--driver-memory 2g`, ...
"""

import os
import sys
import zipfile
from pathlib import Path
from typing import NoReturn

from arus import home, java, schemas
from arus.errors import ArusError
from arus.local import jvm_messages, master

SHIPPED = ("arus", "jobs")


def job_names() -> list[str]:
    """Return the jobs: the files in jobs/."""
    return sorted(path.stem for path in (home.ROOT / "jobs").glob("[a-z]*.py"))


def zip_code(target: Path) -> None:
    """Zip the packages that drivers and executors import, in one step: a running job keeps the one it has."""
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    with zipfile.ZipFile(temporary, "w") as archive:
        for package in SHIPPED:
            for path in sorted((home.ROOT / package).rglob("*.py")):
                archive.write(path, path.relative_to(home.ROOT))
    temporary.replace(target)


def spark_submit() -> str:
    import pyspark

    return str(Path(pyspark.__file__).parent / "bin" / "spark-submit")


def spark_jars() -> str:
    """Return the connectors as --jars wants them."""
    found = sorted((home.ROOT / ".jars" / "spark").glob("*.jar"))
    if not found:
        raise ArusError("no jars in .jars/spark: run `make setup`")
    return ",".join(map(str, found))


def class_archive() -> Path:
    """Return where arus.class_archive puts the classes of the drivers' JVMs."""
    return home.ROOT / ".jars" / "classes.jsa"


def settings(job: str) -> Path:
    """Write a job's settings over those that all share into one file, and return it."""
    target = home.run() / f"{job}.conf"
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    parts = [home.ROOT / "conf" / "spark-defaults.conf", home.ROOT / "conf" / f"{job}.conf"]
    temporary.write_text("\n".join(part.read_text() for part in parts))
    temporary.replace(target)
    return target


def command(job: str, options: list[str], code: Path) -> list[str]:
    """Return the spark-submit line of a job. Its name comes last: checkpoint, locks and rejects go by it."""
    return [
        spark_submit(),
        *("--properties-file", str(settings(job))),
        *("--jars", spark_jars()),
        *("--py-files", str(code)),
        *options,
        *("--name", job),
        str(home.ROOT / "jobs" / f"{job}.py"),
    ]


def environment(job: str) -> dict[str, str]:
    """Return the driver's environment: this Python and Spark, the chosen Java, its options, absolute homes."""
    return os.environ | {
        "ARUS_HOME": str(home.home()),
        "ARUS_STORE": home.store(),
        "ARUS_LOG_FILE": str(home.logs() / f"{job}.log"),
        "JAVA_HOME": str(java.java_home()),
        "PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON", sys.executable),
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONUNBUFFERED": "1",
        # Spark puts this folder into the class path, where the JVM takes classes from an archive only if there are none
        # beside those of jars: there is no such folder.
        "SPARK_CONF_DIR": str(home.ROOT / ".jars" / "no-conf"),
        "SPARK_HOME": str(Path(spark_submit()).parent.parent),
        # What a driver or its web page listens on, unless somebody asks for more.
        "SPARK_LOCAL_IP": os.environ.get("SPARK_LOCAL_IP", "127.0.0.1"),
        "SPARK_SUBMIT_OPTS": " ".join([*_jvm_options(), os.environ.get("SPARK_SUBMIT_OPTS", "")]).strip(),
    }


def _jvm_options() -> list[str]:
    options = [f"-Dlog4j2.configurationFile={(home.ROOT / 'conf' / 'log4j2.properties').as_uri()}"]
    if class_archive().exists():
        # An archive that fits no longer is passed over, in silence.
        options += [f'"-XX:SharedArchiveFile={class_archive()}"', "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    return options


def main(argv: list[str]) -> int:
    if not argv or argv[0] in {"-h", "--help"}:
        print(f"{__doc__}\njobs: {', '.join(job_names())}")
        return 0 if argv else 2
    return become_spark_submit(argv[0], argv[1:])


def become_spark_submit(job: str, options: list[str]) -> NoReturn:
    """Replace this process: its id becomes the driver's JVM, so that signals reach that."""
    if job not in job_names():
        raise ArusError(f"no job '{job}'; the jobs are: {', '.join(job_names())}")
    code = home.run() / f"{job}.zip"
    line, surroundings = command(job, options, code), environment(job)
    print(start_line(job), file=sys.stderr, flush=True)
    if named := master.chosen(options):
        master.await_master(named)
    zip_code(code)
    jvm_messages.hide_harmless()
    os.execve(line[0], line, surroundings)  # noqa: S606


def start_line(job: str) -> str:
    """Return what the job reads and writes, where that is, and how the job is stopped."""
    about = schemas.entry(job)
    read, written = about.reads, [*about.writes, *(f"tables/{table}" for table in about.tables)]
    parts = [f"reads {', '.join(read)}"] if read else []
    parts += [f"writes {', '.join(written)}"] if written else []
    where = [f"Kafka: {home.bootstrap_servers()}"] if schemas.TOPICS.keys() & {*read, *written} else []
    where += [f"store: {home.store()}"]
    return f"{job}: {'; '.join(parts)} ({', '.join(where)})\n{job}: starting Spark, 5 to 15 s ...; Ctrl-C stops the job"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ArusError as error:
        sys.exit(f"spark-submit.sh: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
