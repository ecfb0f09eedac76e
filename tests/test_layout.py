"""The layout's promises: one name finds everything, imports go one way, and nothing names one machine's places."""

import ast
import configparser
import dataclasses
import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from arus import schemas
from arus.__main__ import VERBS, module_of
from arus.home import ROOT
from arus.local import programs
from arus.local.programs import BROKER, PIPELINES, SERVER
from arus.settings import PREFIX
from arus.submit import job_names

JOBS = job_names()
PACKAGES = ("arus", "jobs", "producers", "server")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for path in (ROOT / package).rglob("[a-z]*.py")
)
MAY_IMPORT = {
    "arus": {"arus"},
    "jobs": {"arus"},
    "producers": {"arus", "producers"},
    "server": {"arus", "server"},
}
OURS = {*MAY_IMPORT, "tests", "benchmarks"}
# In halves, so that this file is none of those it looks for.
REGISTRIES = re.compile(
    r"pypi\." r"org|python" r"hosted\.org|repo1?\.maven\." r"|maven\.org/|registry\.npm" r"js|/artifact" r"ory/", re.I
)
MACHINE_PATHS = re.compile(r"(?<![\w.:$}/-])/(?:root|work|Us" r"ers/\w+|home/\w+)/[\w.]")
COLUMN = re.compile(r"\w+ (string|double|int|bigint|boolean|timestamp|binary|array<(string|struct<(\w+: \w+(, )?)+>)>)")


def conf_lines(job: str) -> list[str]:
    return (ROOT / "conf" / f"{job}.conf").read_text().splitlines()


def conf_keys(job: str) -> list[str]:
    return [line.split()[0] for line in conf_lines(job) if line.strip() and not line.startswith("#")]


def project_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def imported_by(path: Path) -> Iterator[str]:
    """Yield each module that the file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module)


def what_a_job_lacks(job: str, root: Path = ROOT) -> list[str]:
    """Return a sentence on each thing that a job has to have and has not, all at once."""
    files = {f"conf/{job}.conf": "its settings", f"tests/jobs/test_{job}.py": "its tests"}
    lacking = [f"{job} needs {file} ({what})" for file, what in files.items() if not (root / file).is_file()]
    if job not in schemas.JOBS:
        return [*lacking, f"{job} needs an entry in JOBS of arus/schemas.py: what it reads, its tables, its producer"]
    for topic in (*schemas.JOBS[job].reads, *schemas.JOBS[job].writes):
        # A place of the store, such as tables/retail, is no topic.
        if "/" not in topic and topic not in schemas.TOPICS:
            lacking.append(f"{job} names the topic {topic}, which TOPICS of arus/schemas.py does not have")
    producer = schemas.JOBS[job].producer
    if producer and not (root / "producers" / f"{producer}.py").is_file():
        lacking.append(f"{job} names the producer {producer}, but there is no producers/{producer}.py")
    return lacking


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_its_files_and_its_entry(job: str) -> None:
    assert what_a_job_lacks(job) == []


def test_all_that_a_job_lacks_is_said_at_once(tmp_path: Path) -> None:
    assert what_a_job_lacks("new_job", tmp_path) == [
        "new_job needs conf/new_job.conf (its settings)",
        "new_job needs tests/jobs/test_new_job.py (its tests)",
        "new_job needs an entry in JOBS of arus/schemas.py: what it reads, its tables, its producer",
    ]


def test_every_entry_has_its_job() -> None:
    assert schemas.JOBS.keys() - set(JOBS) == set(), "JOBS of arus/schemas.py names jobs that jobs/ does not have"


@pytest.mark.parametrize("job", JOBS)
def test_a_jobs_conf_has_the_keys_of_its_settings_and_no_others(job: str) -> None:
    settings = importlib.import_module(f"jobs.{job}").Settings
    wanted = {PREFIX + field.name.replace("_", "-") for field in dataclasses.fields(settings)}
    given = {key for key in conf_keys(job) if key.startswith(PREFIX)}
    assert given == wanted, (
        f"conf/{job}.conf and the dataclass Settings of jobs/{job}.py name the same settings: "
        f"the file lacks {sorted(wanted - given)}, the dataclass lacks {sorted(given - wanted)}"
    )


@pytest.mark.parametrize("job", JOBS)
def test_every_key_of_a_conf_stands_below_a_comment(job: str) -> None:
    bare, above = [], ""
    for line in conf_lines(job):
        is_key = bool(line.strip()) and not line.startswith("#")
        # Two keys may share the comment above them, as a lower and an upper bound do.
        if is_key and not above.strip():
            bare.append(line)
        above = line
    assert bare == [], f"in conf/{job}.conf a comment above each key gives unit and effect; none above: {bare}"


def test_supervisord_knows_the_broker_and_each_job_and_producer_by_name() -> None:
    conf = configparser.RawConfigParser()
    conf.read_string(programs.configuration())
    commands = {
        section.partition(":")[2]: conf[section]["command"] for section in conf if section.startswith("program:")
    }
    jobs = [job for pipeline in PIPELINES for job in pipeline.jobs]
    producers = list(dict.fromkeys(pipeline.producer for pipeline in PIPELINES if pipeline.producer))
    assert sorted(jobs) == JOBS
    assert sorted(commands) == sorted([BROKER, SERVER, *jobs, *producers])
    assert conf["group:jobs"]["programs"].split(",") == jobs
    assert conf["group:producers"]["programs"].split(",") == producers
    assert all(re.match(rf"(nice -n \d+ )?\./spark-submit\.sh {job} ", commands[job]) for job in jobs)
    assert all(f" -m producers.{producer} " in f"{commands[producer]} " for producer in producers)


def test_each_table_has_one_job_that_writes_it() -> None:
    written = [table for job in schemas.JOBS.values() for table in job.tables]
    twice = {table for table in written if written.count(table) > 1}
    assert twice == set(), f"a table has one job that writes it; more than one entry of JOBS names {sorted(twice)}"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_module_with_main(verb: str) -> None:
    assert callable(importlib.import_module(module_of(verb)).main)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports(module: str) -> None:
    assert importlib.import_module(module)


@pytest.mark.parametrize(
    "ddl",
    [
        schemas.REJECTS,
        *schemas.TABLES.values(),
    ],
)
def test_every_schema_is_columns_with_types(ddl: str) -> None:
    columns = re.split(r", (?![^<]*>)", ddl)
    assert [column for column in columns if not COLUMN.fullmatch(column)] == []
    names = [column.split()[0] for column in columns]
    assert len(set(names)) == len(names)


def test_the_schemas_import_nothing_of_the_project() -> None:
    imported = imported_by(ROOT / "arus" / "schemas.py")
    assert [module for module in imported if module.partition(".")[0] in OURS] == []


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / package).rglob("*.py")
        for module in imported_by(path)
        if (top := module.partition(".")[0]) in OURS and top not in MAY_IMPORT[package]
    ]
    allowed = " and ".join(sorted(MAY_IMPORT[package]))
    assert wrong == [], f"of the project, {package}/ imports {allowed} only (no job imports another): {wrong}"


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {found.group()}"
        for path in project_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        for found in [*REGISTRIES.finditer(line), *MACHINE_PATHS.finditer(line)]
    ]
    assert wrong == []
