"""A model's folder on its way to disk: drafted out of sight, sealed, and there by one rename, or not at all."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pyspark.ml import PipelineModel

from arus import models
from arus.errors import ArusError

DRAFT = ".draft-"
# An entity's id and its facts.
Known = tuple[str, dict[str, Any]]


@contextmanager
def next_model() -> Iterator[tuple[int, Path]]:
    """Yield the next model's number and a folder to write it into, which is published when the block ends well."""
    root = models.root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        for left_behind in root.glob(f"{DRAFT}*"):
            shutil.rmtree(left_behind)
        number = max(models.numbers(), default=0) + 1
        draft = root / f"{DRAFT}{number}"
        draft.mkdir()
        try:
            yield number, draft
            models.seal(draft)
            _sync(draft)
            draft.rename(models.path_of(number))
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except (OSError, sqlite3.Error) as error:
        raise ArusError(f"the model cannot be written ({error}): nothing half-written is left") from error


def write_facts(draft: Path, facts: Mapping[str, Any]) -> None:
    """Write model.json; ValueError for a number that JSON does not have."""
    (draft / models.MODEL).write_text(json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_entities(draft: Path, known: Mapping[str, Iterable[Known]]) -> None:
    """Write the known entities of each view, to be looked up by id without holding them in memory."""
    with closing(sqlite3.connect(draft / models.ENTITIES)) as database, database:
        for view in models.VIEWS:
            database.execute(f"CREATE TABLE {view} (id TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID")
            rows = ((key, json.dumps(facts, ensure_ascii=False, allow_nan=False)) for key, facts in known[view])
            database.executemany(f"INSERT INTO {view} VALUES (?, ?)", rows)  # noqa: S608 (a name of ours)


def write_pipelines(draft: Path, pipelines: Mapping[str, PipelineModel]) -> None:
    """Write the pipelines as Spark does, `spark/<view>-<line or profile>`, for use in other Spark jobs."""
    for name, pipeline in pipelines.items():
        pipeline.save(str(draft / "spark" / name))


def _sync(folder: Path) -> None:
    """Have the disk hold every file before the folder gets its name."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
