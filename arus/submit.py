"""./spark-submit.sh JOB [spark-submit options]: run jobs/JOB.py by spark-submit, with conf/JOB.conf over conf/spark-defaults.conf.

The code travels as one zip, made anew at every start; the jars are the project's own. Options go to spark-submit unchanged
(`--master spark://host:7077`, `--conf spark.arus.trigger=availableNow`, ...); `./spark-submit.sh --help` lists them.
"""

import os
import sys
import zipfile
from pathlib import Path

from arus import home, jars, java
from arus.errors import ArusError

SHIPPED = ("arus", "jobs")


def job_names() -> list[str]:
    """Return the jobs: the files in jobs/."""
    return sorted(path.stem for path in (home.ROOT / "jobs").glob("[a-z]*.py"))


def zip_code(target: Path) -> None:
    """Zip the packages that drivers and executors import; replaced in one step, so a running job keeps the one it has."""
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    with zipfile.ZipFile(temporary, "w") as archive:
        for package in SHIPPED:
            for path in sorted((home.ROOT / package).glob("*.py")):
                archive.write(path, path.relative_to(home.ROOT))
    temporary.replace(target)


def command(job: str, options: list[str], code: Path) -> list[str]:
    """Return the spark-submit line of a job."""
    import pyspark

    spark_jars = sorted((home.ROOT / ".jars" / "spark").glob("*.jar"))
    if not spark_jars:
        raise ArusError("no jars in .jars/spark: run `make setup`")
    return [
        str(Path(pyspark.__file__).parent / "bin" / "spark-submit"),
        *("--name", job),
        *("--properties-file", str(home.ROOT / "conf" / f"{job}.conf"), "--load-spark-defaults"),
        *("--jars", ",".join(map(str, spark_jars))),
        *("--py-files", str(code)),
        *options,
        str(home.ROOT / "jobs" / f"{job}.py"),
    ]


def environment(job: str) -> dict[str, str]:
    """Return the environment of the driver: this Python, the chosen Java, the project's conf, and absolute homes."""
    return os.environ | {
        "ARUS_HOME": str(home.home()),
        "ARUS_STORE": home.store(),
        "ARUS_LOG_FILE": str(home.logs() / f"{job}.log"),
        "JAVA_HOME": str(java.find_java().parent.parent),
        "PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON", sys.executable),
        "PYTHONUNBUFFERED": "1",
        "SPARK_CONF_DIR": str(home.ROOT / "conf"),
    }


def main(argv: list[str]) -> int:
    """Become spark-submit: this process id is the driver's JVM, so that signals reach it."""
    if not argv or argv[0] in {"-h", "--help"}:
        print(f"{__doc__}\njobs: {', '.join(job_names())}")
        return 0 if argv else 2
    job, options = argv[0], argv[1:]
    if job not in job_names():
        raise ArusError(f"no job '{job}'; the jobs are: {', '.join(job_names())}")
    code = home.run() / f"{job}.zip"
    zip_code(code)
    line = command(job, options, code)
    os.execve(line[0], line, environment(job))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ArusError as error:
        sys.exit(f"spark-submit.sh: {error}")
