"""A model's folder comes whole, under the next number, or not at all; nothing touches the older ones."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.sql import SparkSession

from arus import models
from arus.errors import ArusError
from arus.model_writing import Known, next_model, write_entities, write_facts, write_pipelines

NOBODY: Mapping[str, list[Known]] = {view: [] for view in models.VIEWS}
# What a process may write into one file where the disk is as good as full, in bytes.
FULL_DISK = """
import resource, sys
from arus.model_writing import next_model, write_entities, write_facts
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
known = [(str(number), {"description": "x" * 100}) for number in range(2_000)]
with next_model() as (number, draft):
    if sys.argv[1] == "entities":
        write_entities(draft, {"customers": known, "products": [], "countries": []})
    else:
        write_facts(draft, dict(known))
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARUS_STORE", str(tmp_path / "the store"))
    return models.root()


def write(**facts: Any) -> int:
    """Write the next model, with as little in it as there can be."""
    with next_model() as (number, draft):
        write_entities(draft, NOBODY)
        write_facts(draft, {"format": models.FORMAT, "model_number": number} | facts)
    return number


def attempt(fill: Callable[[Path], object]) -> None:
    """Let the next model be filled by what may fail."""
    with next_model() as (_, draft):
        fill(draft)


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file of a folder, with what is in it and when it was last changed."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def in_there(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_models_are_numbered_from_1_on_and_sealed(root: Path) -> None:
    assert [write(), write(), write()] == [1, 2, 3]
    assert in_there(root) == ["kmeans_model_1", "kmeans_model_2", "kmeans_model_3"]
    assert models.read(3) == {"format": 1, "model_number": 3}
    assert sorted(content(models.path_of(3))) == ["SHA256SUMS", "entities.sqlite", "model.json"]


def test_a_number_is_not_used_again_while_a_later_one_is_there(root: Path) -> None:
    assert [write(), write()] == [1, 2]
    models.path_of(1).rename(root / "aside")
    assert write() == 3


def test_nobody_sees_a_model_before_it_is_whole(root: Path) -> None:
    with next_model() as (number, draft):
        assert (number, models.numbers(), draft.parent) == (1, [], root)
        assert not draft.name.startswith("kmeans_model_")
        write_facts(draft, {"format": models.FORMAT})
        write_entities(draft, NOBODY)
    assert models.newest_sound() == {"format": models.FORMAT}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_training_that_breaks_off_leaves_nothing_and_uses_no_number(root: Path, error: type[BaseException]) -> None:
    def fill(draft: Path) -> None:
        write_facts(draft, {})
        raise error

    write()
    with pytest.raises(error):
        attempt(fill)
    assert in_there(root) == ["kmeans_model_1"]
    assert write() == 2


def test_what_a_killed_training_left_is_swept_and_not_taken_over(root: Path) -> None:
    write()
    for left_behind in (".draft-2", ".draft-7"):
        (root / left_behind / "spark").mkdir(parents=True)
        (root / left_behind / "model.json").write_text('{"format": 1}')
    assert write() == 2
    assert in_there(root) == ["kmeans_model_1", "kmeans_model_2"]
    assert sorted(content(models.path_of(2))) == ["SHA256SUMS", "entities.sqlite", "model.json"]


def test_an_older_model_is_never_touched() -> None:
    write(score=0.1)
    before = content(models.path_of(1))
    write(score=0.2)
    with pytest.raises(ZeroDivisionError), next_model():
        raise ZeroDivisionError
    write(score=0.3)
    assert content(models.path_of(1)) == before
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", "--quiet", models.SUMS], cwd=models.path_of(1), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_file_in_the_way_is_told_in_one_line(root: Path) -> None:
    root.parent.mkdir()
    root.write_text("")
    with pytest.raises(ArusError, match=r"^the model cannot be written \(.*models.*\): nothing half-written is left$"):
        write()


def test_a_database_that_cannot_be_opened_is_told_in_one_line(root: Path) -> None:
    def fill(draft: Path) -> None:
        (draft / models.ENTITIES).mkdir()
        write_entities(draft, NOBODY)

    with pytest.raises(ArusError) as error:
        attempt(fill)
    expected = "the model cannot be written (unable to open database file): nothing half-written is left"
    assert str(error.value) == expected
    assert in_there(root) == []


@pytest.mark.parametrize("what", ["entities", "facts"])
def test_a_full_disk_is_told_in_one_line_and_leaves_nothing_half_written(root: Path, what: str) -> None:
    write()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, what], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1].startswith("arus.errors.ArusError: the model cannot be written (")
    assert in_there(root) == ["kmeans_model_1"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_makes_no_model(root: Path, number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(score=number)
    assert in_there(root) == []


def test_facts_are_kept_as_they_are() -> None:
    facts = {"z": 0.1 + 0.2, "a": "CAF\u00c9 \u2764", "none": None, "list": (1, 2)}
    write(**facts)
    found = models.read(1)
    assert found == {"format": 1, "model_number": 1} | facts | {"list": [1, 2]}
    assert list(found) == ["format", "model_number", "z", "a", "none", "list"]


def test_the_known_entities_are_looked_up_by_their_id(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"cluster": 2, "profile": {"quantity": 4.5}, "description": "CAF\u00c9 'SIGN'"}
    known: dict[str, list[Known]] = {
        "customers": [("17850", facts), ("12346", {"cluster": 0})],
        "products": [("85123A", facts)],
        "countries": [],
    }
    write_entities(tmp_path, known)
    with closing(sqlite3.connect(tmp_path / models.ENTITIES)) as database:
        tables = dict(database.execute("SELECT name, sql FROM sqlite_master").fetchall())
        rows = {
            name: [(key, json.loads(text)) for key, text in database.execute(f"SELECT id, facts FROM {name}")]  # noqa: S608
            for name in tables
        }
        plan = database.execute("EXPLAIN QUERY PLAN SELECT facts FROM customers WHERE id = '17850'").fetchall()
    assert rows == {
        "customers": [("12346", {"cluster": 0}), ("17850", facts)],
        "products": [("85123A", facts)],
        "countries": [],
    }
    assert tables["customers"] == "CREATE TABLE customers (id TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID"
    assert [step[-1] for step in plan] == ["SEARCH customers USING PRIMARY KEY (id=?)"]


def test_pipelines_are_written_for_spark_and_sealed_with_the_rest(spark: SparkSession) -> None:
    doubled = PipelineModel([SQLTransformer(statement="SELECT *, 2 * quantity AS double FROM __THIS__")])
    with next_model() as (_, draft):
        write_entities(draft, NOBODY)
        write_facts(draft, {"format": models.FORMAT})
        write_pipelines(draft, {"customers-line": doubled, "customers-profile": doubled})
    folder = models.path_of(1)
    models.verify(folder, *(name for name in content(folder) if name != models.SUMS))
    assert in_there(folder / "spark") == ["customers-line", "customers-profile"]
    again = PipelineModel.load(str(folder / "spark" / "customers-line"))
    assert again.transform(spark.range(3).toDF("quantity")).collect() == [(0, 0), (1, 2), (2, 4)]


@pytest.mark.usefixtures("spark")
def test_pipelines_that_spark_cannot_write_leave_nothing(root: Path) -> None:
    def fill(draft: Path) -> None:
        (draft / "spark").write_text("in the way")
        write_pipelines(draft, {"customers-line": PipelineModel([SQLTransformer(statement="SELECT * FROM __THIS__")])})

    with pytest.raises(Py4JJavaError, match="draft-1/spark"):
        attempt(fill)
    assert in_there(root) == []
