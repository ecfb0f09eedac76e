"""Which models are refused, and why."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arus import models
from arus.errors import ArusError
from arus.home import ROOT
from server.nearest import Line
from server.trained import Facts, load
from tests.server import sample

Found = dict[str, Any]
pytestmark = pytest.mark.usefixtures("store")


def line(found: Found) -> Found:
    clustering: Found = found["views"]["products"]["line"]
    return clustering


def test_a_whole_model_is_loaded() -> None:
    sample.write_model(3, (4, 0, 9))
    model = load(3)
    assert model.number == 3
    expected = Line((1.5, 1.5), (1.25, 1.25), ((-1.0, -0.5, 4), (0.4, 1.5, 0), (1.8, -1.0, 9)))
    assert model.lines == dict.fromkeys(models.VIEWS, expected)
    assert model.names["customers"] == dict(zip((4, 0, 9), sample.NAMES, strict=True))
    assert json.loads(model.details) == sample.model_json(3, (4, 0, 9))


def test_a_feature_that_never_varied_has_no_weight_as_in_spark() -> None:
    found = sample.model_json(1)
    line(found)["std"] = [0.8, 0.0]
    sample.write_model(1, found=found)
    assert load(1).lines["products"].scale == (1.25, 0.0)


def change(keys: tuple[Any, ...], value: Any) -> Callable[[Found], None]:
    def changed(found: Found) -> None:
        for key in keys[:-1]:
            found = found[key]
        found[keys[-1]] = value

    return changed


LINE = ("views", "products", "line")
NAN = float("nan")


@pytest.mark.parametrize(
    ("keys", "value", "why"),
    [
        (("format",), 2, "has format 2; this version of Arus reads 1"),
        (("model_number",), 8, "says that it is model 8"),
        (("views",), {}, "has no 'customers'"),
        (("rows",), {}, "has no 'used'"),
        (("promotion",), None, "NoneType"),
        (("trained_at",), "yesterday", "yesterday"),
        ((*LINE, "features"), ["unit_price", "quantity"], "the features are"),
        ((*LINE, "mean"), [1.0], r"\[1.0\] are not 2 numbers"),
        ((*LINE, "mean"), ["1", "2"], "are not 2 numbers"),
        ((*LINE, "std"), [1.0, -1.0], "a standard deviation is -1.0"),
        ((*LINE, "std"), [1.0, 1e-300], "a standard deviation is 1e-300"),
        ((*LINE, "silhouette"), NAN, "a silhouette is not finite"),
        ((*LINE, "clusters", 1, "centroid"), [0.1, NAN], "not finite, or too large"),
        ((*LINE, "clusters", 1, "centroid"), [0.1, 1e300], "not finite, or too large"),
        ((*LINE, "clusters", 1, "centroid"), [0.1, 0.2, 0.3], "are not 2 numbers"),
        ((*LINE, "clusters", 1, "cluster"), 0, r"the numbers \[0, 0, 2\]"),
        ((*LINE, "clusters", 1, "cluster"), "1", "the cluster numbers"),
        ((*LINE, "clusters"), [], "3 clusters, but the numbers"),
        ((*LINE, "k"), 4, "4 clusters, but the numbers"),
        ((*LINE, "clusters", 0), {"cluster": 0}, "has no 'centroid'"),
    ],
)
def test_a_model_that_cannot_predict_is_refused(keys: tuple[Any, ...], value: Any, why: str) -> None:
    found = sample.model_json(1)
    change(keys, value)(found)
    sample.write_model(1, found=found)
    with pytest.raises(ArusError, match=why):
        load(1)


@pytest.mark.parametrize("name", [models.MODEL, models.ENTITIES])
def test_a_file_that_changed_since_the_training_is_refused(name: str) -> None:
    file = sample.write_model(1) / name
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(ArusError, match=rf"{name} is not what was written at the training \(SHA-256 differs\)"):
        load(1)


@pytest.mark.parametrize("name", [models.MODEL, models.ENTITIES, models.SUMS])
def test_a_model_with_a_file_missing_is_refused(name: str) -> None:
    (sample.write_model(1) / name).unlink()
    with pytest.raises(ArusError, match=r"is no whole model: .*No such file"):
        load(1)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"text"', "[" * 100_000, '{"format": 1}'])
def test_a_model_json_that_is_no_model_is_refused(text: str) -> None:
    folder = sample.write_model(1)
    (folder / models.MODEL).write_text(text)
    models.seal(folder)
    with pytest.raises(ArusError):
        load(1)


@pytest.mark.parametrize("table", models.VIEWS)
def test_entities_without_a_table_are_refused(table: str) -> None:
    folder = sample.write_model(1)
    connection = sqlite3.connect(folder / models.ENTITIES)
    connection.execute(f"DROP TABLE {table}")
    connection.close()
    models.seal(folder)
    with pytest.raises(ArusError, match=f"no such table: {table}"):
        load(1)


def test_a_pickle_beside_the_model_is_never_opened(tmp_path: Path) -> None:
    folder = sample.write_model(1)
    touched = tmp_path / "touched"
    (folder / "model.pkl").write_bytes(b"cposix\nsystem\n(S'touch " + str(touched).encode() + b"'\ntR.")
    models.seal(folder)
    assert load(1).number == 1
    assert not touched.exists()


def test_the_server_imports_nothing_that_runs_what_it_reads() -> None:
    unsafe = ("pickle", "joblib", "marshal", "shelve", "cloudpickle", "pyspark")
    sources = (ROOT / "server").glob("*.py")
    words = {word for source in sources for word in source.read_text().split()}
    assert not words & {*unsafe}


def test_facts_stay_readable_when_their_folder_goes(tmp_path: Path) -> None:
    folder = sample.write_model(1)
    facts = Facts(folder / models.ENTITIES)
    folder.rename(tmp_path / "gone")
    for file in sorted((tmp_path / "gone").iterdir()):
        file.unlink()
    known = facts.of("customers", "17850")
    facts.close()
    assert known == sample.facts("customers", sample.FACTS["customers"]["17850"])
