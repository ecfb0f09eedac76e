"""The trained retail models in figures: model.json and entities.sqlite of each, checked against their checksums."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from arus import home, models
from arus.errors import ArusError
from arus.models import VIEWS
from notebooks.retail.data import Floats, Integers

# model.json, a clustering in it, or the facts of an entity.
Facts = Mapping[str, Any]
# By id, as entities.sqlite has them.
Entities = Mapping[str, Facts]

PARTS = ("line", "profile")
# Of more models than this, the last ones and the champion are looked at.
MOST_MODELS = 20
# The customer of the server's examples.
SEED_CUSTOMER = "17850"


class Models(NamedTuple):
    """The sound models by number, the champion's number, and what is wrong with the others, a line each."""

    found: dict[int, Facts]
    champion: int | None
    wrong: list[str]

    @property
    def shown(self) -> Facts | None:
        """The model to look at: the champion, else the newest."""
        return self.found.get(self.champion or 0) or (self.found[max(self.found)] if self.found else None)

    @property
    def last_two(self) -> tuple[int, int]:
        """The numbers of the last two models, where there are two."""
        before, after = sorted(self.found)[-2:]
        return before, after


class Point(NamedTuple):
    """Where a cluster's typical line was in one model, and the share of the entities that it had."""

    model: int
    quantity: float
    unit_price: float
    share: float


class Changes(NamedTuple):
    """What became of a view's entities from one model to the next; `flows` counts those that went from to."""

    both: int
    new: int
    gone: int
    flows: Counter[tuple[int, int]]

    @property
    def changed(self) -> int:
        return self.flows.total()


def open_models(most: int = MOST_MODELS) -> Models:
    """Return the last models and the champion; what cannot be read is left out, and said."""
    found: dict[int, Facts] = {}
    wrong: list[str] = []
    if home.local_store() is None:
        return Models({}, None, [])
    try:
        champion = models.champion()
    except ArusError as error:
        champion = None
        wrong.append(str(error))
    numbers = models.numbers()
    for number in [number for number in numbers if number in numbers[-most:] or number == champion]:
        try:
            found[number] = models.read(number)
        except ArusError as error:
            wrong.append(str(error))
    return Models(found, champion, wrong)


def all_entities(model: Facts | None) -> dict[str, Entities]:
    """Return what a model knows, by view; nothing without a model."""
    return {view: entities(model["model_number"], view) if model else {} for view in VIEWS}


def entities(number: int, view: str) -> Entities:
    """Return what a model knows of the entities of a view."""
    address = f"{(models.path_of(number) / models.ENTITIES).as_uri()}?mode=ro&immutable=1"
    connection = sqlite3.connect(address, uri=True)
    try:
        return {name: json.loads(facts) for name, facts in connection.execute(f"SELECT id, facts FROM {view}")}  # noqa: S608
    finally:
        connection.close()


def nearest(clustering: Facts, *values: Floats) -> Integers:
    """Return the cluster number of each row of feature values, as the server predicts it."""
    logs = np.log1p(np.abs(np.stack(values, axis=-1)))
    scaled = (logs - np.array(clustering["mean"])) * (1 / np.array(clustering["std"]))
    centroids = np.array([cluster["centroid"] for cluster in clustering["clusters"]])
    away = ((scaled[..., None, :] - centroids) ** 2).sum(axis=-1)
    numbers: Integers = np.array([cluster["cluster"] for cluster in clustering["clusters"]])[away.argmin(axis=-1)]
    return numbers


def paths(found: Mapping[int, Facts], view: str) -> dict[int, list[Point]]:
    """Return, for each cluster number of a view's typical lines, where it was from model to model."""
    ways: dict[int, list[Point]] = {}
    for number in sorted(found):
        clusters = found[number]["views"][view]["line"]["clusters"]
        whole = sum(cluster["size"] for cluster in clusters)
        for cluster in clusters:
            typical = cluster["typical"]
            point = Point(number, typical["quantity"], typical["unit_price"], cluster["size"] / whole)
            ways.setdefault(cluster["cluster"], []).append(point)
    return dict(sorted(ways.items()))


def changes(before: Entities, after: Entities) -> Changes:
    """Return what became of the entities, by the cluster of their typical line."""
    both = before.keys() & after.keys()
    pairs = ((before[name]["cluster"], after[name]["cluster"]) for name in both)
    flows = Counter(pair for pair in pairs if pair[0] != pair[1])
    return Changes(len(both), len(after.keys() - both), len(before.keys() - both), flows)


def last_changes(models: Models) -> dict[str, Changes]:
    """Return, by view, what became of the entities from the last model but one to the last; nothing of fewer."""
    if len(models.found) < 2:
        return {}
    before, after = models.last_two
    return {view: changes(entities(before, view), entities(after, view)) for view in VIEWS}


def example(customers: Entities) -> str | None:
    """Return a customer to show: the seed's, or the one with the most revenue, best with something recommended."""
    if not customers:
        return None
    return max(
        customers,
        key=lambda name: (
            bool(customers[name]["recommendations"]),
            name == SEED_CUSTOMER,
            customers[name]["profile"]["revenue"],
        ),
    )


def names(clustering: Facts) -> dict[int, str]:
    """Return the clusters' names, by number in order."""
    return {cluster["cluster"]: cluster["name"] for cluster in in_order(clustering)}


def in_order(clustering: Facts) -> list[Facts]:
    return sorted(clustering["clusters"], key=lambda cluster: int(cluster["cluster"]))
