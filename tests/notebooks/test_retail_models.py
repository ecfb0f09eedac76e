"""The retail notebook's numbers of the models, on three made by hand."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from arus import models as model_folders
from notebooks.retail import data, models, tables
from tests.notebooks import retail_sample as sample


def test_the_champion_is_shown_or_else_the_newest_and_a_damaged_model_is_said(home: Path) -> None:
    sample.write_models(1, 2, 3, champion=1)
    found = models.open_models(most=1)
    assert (list(found.found), found.champion, found.wrong) == ([1, 3], 1, [])
    assert (found.shown or {})["model_number"] == 1
    shutil.rmtree(model_folders.path_of(1))
    (model_folders.path_of(3) / model_folders.MODEL).write_text("{}")
    (model_folders.root() / model_folders.CHAMPION).write_text("{}")
    found = models.open_models()
    assert (list(found.found), found.champion) == ([2], None)
    assert [error.partition(" (")[0] for error in found.wrong] == [
        f"{home}/models/champion is damaged",
        f"{home}/models/kmeans_model_3/model.json is not what was written at the training",
    ]
    said = tables.summary(data.open_sales(), found)
    assert said.count("\nLeft out: ") == 2
    assert said.endswith("2, the newest: there is no champion, trained 2026-11-21 22:02:05 UTC on version 1.")


@pytest.mark.usefixtures("home")
def test_a_request_gets_the_nearest_centroids_number_and_the_first_at_a_tie() -> None:
    sample.write_models(2)
    clustering = models.open_models().found[2]["views"]["customers"]["line"]
    values = np.array([[2.0, -36.0], [3.0, 0.0]]), np.array([[1.0, 1.1], [10.0, 0.0]])
    assert models.nearest(clustering, *values).tolist() == [[0, 2], [1, 0]]
    twins = {**clustering, "clusters": [{**each, "centroid": [0.0, 0.0]} for each in clustering["clusters"]]}
    assert models.nearest(twins, np.array(1.0), np.array(1.0)).tolist() == 2


@pytest.mark.usefixtures("home")
def test_paths_follow_a_clusters_number_and_shares_are_of_each_model() -> None:
    sample.write_models(1, 2, 3)
    assert models.paths(models.open_models().found, "products") == {
        0: [(1, 2.0, 1.0, 1 / 3), (2, 2.0, 1.0, 1 / 6), (3, 2.4, 3.0, 1 / 4)],
        1: [(1, 3.0, 8.0, 2 / 3), (2, 3.5, 9.0, 2 / 6)],
        2: [(2, 30.0, 1.0, 3 / 6), (3, 36.0, 1.1, 3 / 4)],
    }


def test_changes_are_of_those_that_both_models_know() -> None:
    before = {name: {"cluster": cluster} for name, cluster in (("a", 0), ("b", 0), ("c", 1), ("d", 1), ("gone", 0))}
    after = {name: {"cluster": cluster} for name, cluster in (("a", 0), ("b", 2), ("c", 2), ("d", 2), ("new", 2))}
    found = models.changes(before, after)
    assert found == (4, 1, 1, {(0, 2): 1, (1, 2): 2})
    assert found.changed == 3


@pytest.mark.usefixtures("home")
def test_what_changed_between_the_last_two_models() -> None:
    sample.write_models(1, 2, 3)
    trained = models.open_models()
    changed = models.last_changes(trained)
    assert tables.moved(trained, changed) == (
        "From model 2 to model 3, by the typical line",
        ("view", "in both", "changed cluster", "share", "new", "gone"),
        [
            ("customers", "2", "0", "0.0%", "1", "0"),
            ("products", "2", "0", "0.0%", "0", "0"),
            ("countries", "2", "0", "0.0%", "0", "0"),
        ],
        1,
    )
    assert tables.flows(trained, changed).caption == "Every entity kept its cluster from model 2 to model 3."
    found = models.Models({number: trained.found[number] for number in (1, 2)}, None, [])
    moved = {"customers": models.changes({"a": {"cluster": 1}}, {"a": {"cluster": 2}})}
    assert tables.flows(found, moved).rows == [("customers", "1 high prices", "2 large quantities", "1")]


@pytest.mark.usefixtures("home")
def test_the_example_is_the_seeds_customer_if_something_is_recommended_to_him() -> None:
    sample.write_models(1, 2)
    known = models.entities(2, "customers")
    assert models.example(known) == "17850"
    without = {**known, "17850": {**known["17850"], "recommendations": []}}
    assert models.example(without) == "12346"
    assert models.example({}) is None
