"""A trained model as the server needs it: model.json, checked through and through, and entities.sqlite."""

import math
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from arus import models
from arus.errors import ArusError
from server.nearest import Line

FEATURES = ["quantity", "unit_price"]
# A scaled logarithm of a price or a quantity is some tens; beyond this a model is damaged.
LARGEST_COORDINATE = 1e6
LEAST_STD = 1e-9


@dataclass(frozen=True)
class Model:
    """One model, immutable: what predicts, what lists show, and all of model.json as JSON."""

    number: int
    lines: Mapping[str, Line]
    names: Mapping[str, Mapping[int, str]]
    summary: Mapping[str, Any]
    details: bytes


class Facts:
    """What a model knows of each customer, product and country; threads may share it.

    examples: the first id of each view that has any.
    """

    def __init__(self, file: Path) -> None:
        # immutable: nobody writes to it, so no locks and no files beside it; the open file outlives its folder.
        uri = f"file:{quote(str(file))}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        found = {view: self._first(view) for view in models.VIEWS}
        self.examples = {view: name for view, name in found.items() if name is not None}

    def _first(self, view: str) -> str | None:
        query = f"SELECT id FROM {view} ORDER BY id LIMIT 1"  # noqa: S608 - one of models.VIEWS
        row = self._connection.execute(query).fetchone()
        return row[0] if row else None

    def of(self, view: str, name: str) -> dict[str, Any] | None:
        """Return what is known of one customer, product or country, or None where it is not known."""
        query = f"SELECT facts FROM {view} WHERE id = ?"  # noqa: S608 - one of models.VIEWS
        with self._lock:
            row = self._connection.execute(query, (name,)).fetchone()
        found: dict[str, Any] | None = orjson.loads(row[0]) if row else None
        return found

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __del__(self) -> None:
        # Requests may still read the last champion's when the next takes over: it closes when the last of them is done.
        if hasattr(self, "_connection"):
            self._connection.close()


def load(number: int) -> Model:
    """Return a model of models/; ArusError says what is damaged."""
    try:
        found = models.read(number)
        lines = {view: _line(found["views"][view]["line"]) for view in models.VIEWS}
        names = {view: _names(found["views"][view]["line"]) for view in models.VIEWS}
        _check_number(found, number)
        model = Model(number, lines, names, _summary(found), orjson.dumps(found))
        _check_facts(models.path_of(number) / models.ENTITIES)
    except KeyError as error:
        raise ArusError(f"model.json has no {error}") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OSError, sqlite3.Error) as error:
        raise ArusError(f"{type(error).__name__}: {error}") from error
    return model


def _check_number(found: dict[str, Any], number: int) -> None:
    if found["model_number"] != number:
        raise ArusError(f"model.json says that it is model {found['model_number']}")


def _check_facts(file: Path) -> None:
    facts = Facts(file)
    try:
        for view in models.VIEWS:
            facts.of(view, "")
    finally:
        facts.close()


def _line(found: dict[str, Any]) -> Line:
    """Return a clustering, or raise ValueError where it is not one that can predict."""
    if found["features"] != FEATURES:
        raise ValueError(f"the features are {found['features']}, not {FEATURES}")
    mean, std = _pair(found["mean"]), _pair(found["std"])
    if not all(value == 0 or value >= LEAST_STD for value in std):
        raise ValueError(f"a standard deviation is {min(std)}")
    clusters = [entry["cluster"] for entry in found["clusters"]]
    if not clusters or found["k"] != len(clusters) or len(set(clusters)) != len(clusters):
        raise ValueError(f"{found['k']} clusters, but the numbers {clusters}")
    if any(type(cluster) is not int or cluster < 0 for cluster in clusters):
        raise ValueError(f"the cluster numbers {clusters}")
    # A feature that never varied has the scale 0, as in Spark.
    scale = tuple(1 / value if value else 0.0 for value in std)
    centroids = tuple((*_pair(entry["centroid"]), entry["cluster"]) for entry in found["clusters"])
    return Line(mean, (scale[0], scale[1]), centroids)


def _pair(values: list[Any]) -> tuple[float, float]:
    if len(values) != len(FEATURES) or any(type(value) not in (int, float) for value in values):
        raise ValueError(f"{values} are not {len(FEATURES)} numbers")
    # NaN is not less than anything.
    if not all(abs(value) <= LARGEST_COORDINATE for value in values):
        raise ValueError(f"{values}: not finite, or too large")
    return float(values[0]), float(values[1])


def _names(found: dict[str, Any]) -> dict[int, str]:
    return {entry["cluster"]: str(entry["name"]) for entry in found["clusters"]}


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    """Return what a list of models shows of one."""
    views = {view: {key: found["views"][view]["line"][key] for key in ("k", "silhouette")} for view in models.VIEWS}
    if not all(math.isfinite(view["silhouette"]) for view in views.values()):
        raise ValueError("a silhouette is not finite")
    return {
        "model_number": found["model_number"],
        "trained_at": _moment(found["trained_at"]),
        "rows": int(found["rows"]["used"]),
        "table_version": int(found["table"]["version"]),
        "promoted": bool(found["promotion"]["promoted"]),
        "why": str(found["promotion"]["why"]),
        "views": views,
    }


def _moment(text: str) -> str:
    """Return a time as it was written, or raise ValueError where it is none."""
    datetime.fromisoformat(text.replace("Z", "+00:00"))
    return text
