"""The programs of `demo` and `up`: the pipelines of schemas.JOBS, and supervisord's configuration made of them."""

from collections.abc import Mapping
from typing import NamedTuple

from arus import home, schemas
from arus.errors import ArusError
from arus.schemas import JobEntry

CONF = home.ROOT / "conf" / "supervisord.conf"
BROKER = "broker"
SERVER = "server"
PYTHON = '"%(ENV_ARUS_PYTHON)s"'
# A stop goes from the highest priority to the lowest.
PRIORITIES = {BROKER: 10, "jobs": 20, SERVER: 25, "producers": 30}


class Pipeline(NamedTuple):
    """A job, its producer, and jobs to start once there are rows; an extra one is started only if it is asked for."""

    name: str
    job: str
    producer: str
    later: tuple[str, ...] = ()
    is_extra: bool = False

    @property
    def jobs(self) -> tuple[str, ...]:
        return (self.job, *self.later)

    @property
    def first(self) -> tuple[str, ...]:
        """The programs that are started at once."""
        return (self.job, self.producer) if self.producer else (self.job,)


class Options(NamedTuple):
    """How a job runs beside all others on what may be two cores: heap, niceness, settings unlike those in conf/."""

    heap: str = "640m"
    nice: int = 0
    settings: tuple[str, ...] = ()


# A job that is not named here has the defaults. The triggers are longer than the jobs' own: six
# drivers share two cores. nice: a training, and images, take what time the streams leave.
OPTIONS = {
    "temperature_filter": Options(settings=("table-trigger=10 seconds",)),
    "warehouse_monitor": Options("768m", settings=("status-trigger=5 seconds", "table-trigger=10 seconds")),
    "retail_ingest": Options(settings=("batch-delay=5s",)),
    "retail_train": Options("768m", nice=2, settings=("trigger=2 minutes", "seeds=1")),
    "image_analytics": Options(nice=5, settings=("trigger=5 seconds",)),
    "image_resize": Options("512m", nice=5, settings=("trigger=500 milliseconds",)),
}
PRODUCER_ARGUMENTS = {
    "temperature": "--sensors 3 --rate 5",
    "warehouse": "--late 0.02 --out-of-order 0.02 --duplicate 0.01 --missing 0.01",
    "retail": "--delay 0.01..0.05",
    "images": "--loop --rate 2",
}


def pipelines(jobs: Mapping[str, JobEntry] = schemas.JOBS) -> tuple[Pipeline, ...]:
    """Return the pipelines in the order of their first jobs."""
    named = {name: job.pipeline or name for name, job in jobs.items()}
    found = []
    for pipeline in dict.fromkeys(named.values()):
        own = {name: jobs[name] for name in jobs if named[name] == pipeline}
        first, *more = [name for name, job in own.items() if not job.is_later] or [""]
        if more or not first:
            raise ArusError(
                f"JOBS of arus/schemas.py: the pipeline {pipeline} has {', '.join(own)}, of which one is to begin and "
                "all others have is_later=True"
            )
        later = tuple(name for name, job in own.items() if job.is_later)
        found.append(Pipeline(pipeline, first, own[first].producer, later, own[first].is_extra))
    return tuple(found)


PIPELINES = pipelines()


def configuration() -> str:
    """Return supervisord's configuration: conf/supervisord.conf, and a section for each program and group."""
    jobs = [job for pipeline in PIPELINES for job in pipeline.jobs]
    producers = list(dict.fromkeys(pipeline.producer for pipeline in PIPELINES if pipeline.producer))
    return "\n".join(
        [
            CONF.read_text(),
            _group("jobs", jobs),
            _group("producers", producers),
            _program(BROKER, f"{PYTHON} -m arus broker run", startsecs=10, stopwaitsecs=15),
            _program(SERVER, f"{PYTHON} -m server", startsecs=2, stopwaitsecs=10),
            *(_program(job, job_command(job), startsecs=20, stopwaitsecs=15) for job in jobs),
            *(_program(name, producer_command(name), startsecs=2, stopwaitsecs=10) for name in producers),
        ]
    )


def job_command(job: str) -> str:
    """Return a job's command line in the demo.

    Without the JVM's second compiler the first rows are there sooner and small batches cost less; a
    backlog takes twice as long.
    """
    heap, nice, settings = OPTIONS.get(job, Options())
    conf = "".join(f' --conf "spark.arus.{setting}"' for setting in settings)
    niced = f"nice -n {nice} " if nice else ""
    java = "--driver-java-options -XX:TieredStopAtLevel=1"
    return f"{niced}./spark-submit.sh {job} --driver-memory {heap} {java}{conf}"


def producer_command(name: str) -> str:
    return f"{PYTHON} -m producers.{name} {PRODUCER_ARGUMENTS.get(name, '')}".rstrip()


def _group(name: str, programs: list[str]) -> str:
    return f"[group:{name}]\nprograms = {','.join(programs)}\npriority = {PRIORITIES[name]}\n"


def _program(name: str, command: str, startsecs: int, stopwaitsecs: int) -> str:
    """Return a program's section.

    killasgroup: when a stop takes longer than stopwaitsecs, the Python driver is killed with its
    JVM. A program that ends within startsecs is tried startretries times, each 1 s later than
    before; one that ends after that starts at once.
    """
    options = {
        "command": command,
        "directory": "%(ENV_ARUS_ROOT)s",
        "priority": PRIORITIES.get(name, 999),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": startsecs,
        "startretries": 10,
        "stopsignal": "TERM",
        "stopwaitsecs": stopwaitsecs,
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": "%(ENV_ARUS_HOME)s/logs/%(program_name)s.out",
        "stdout_logfile_maxbytes": "5MB",
        "stdout_logfile_backups": 1,
    }
    return "\n".join([f"[program:{name}]", *(f"{key} = {value}" for key, value in options.items()), ""])
