"""Small models made by hand, written as a training writes them."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from arus import models

NAMES = ("small quantities of cheap items", "small quantities of dear items", "large quantities of cheap items")
FACTS: dict[str, dict[str, dict[str, Any]]] = {
    "customers": {"17850": {"cluster": 2, "segment": 1}},
    "products": {"85123A": {"cluster": 0, "segment": 1, "description": "WHITE HANGING HEART T-LIGHT HOLDER"}},
    "countries": {"United Kingdom": {"cluster": 1, "segment": 0}, "Bosnia/Herzegovina": {"cluster": 0, "segment": 1}},
}
RECOMMENDATIONS: dict[str, Any] = {
    "customers": {
        "method": "als",
        "hit_rate": 0.345,
        "popularity_hit_rate": 0.2,
        "cases": 1200,
        "why": "als hits in 34.5% of 1,200 cases, popularity in 20.0%",
    },
    "products": {
        "method": "popularity",
        "hit_rate": 0.1,
        "popularity_hit_rate": 0.0,
        "cases": 30,
        "why": "only 30 cases to judge by (50)",
    },
    "popular": [{"StockCode": "85123A", "Description": "WHITE HANGING HEART", "invoices": 2100}],
}
RECOMMENDED = [{"StockCode": "71053", "Description": "WHITE METAL LANTERN", "score": 0.8}]


def clustering(features: list[str], numbers: tuple[int, ...] = (0, 1, 2), shift: float = 0.0) -> dict[str, Any]:
    """Return a clustering of three clusters; `numbers` are what they are called."""
    spread = [(-1.0, -0.5), (0.4, 1.5), (1.8, -1.0)]
    clusters = [
        {
            "cluster": number,
            "name": name,
            "size": 10 + number,
            "centroid": [quantity + shift, price, *[0.0] * (len(features) - 2)],
            "typical": dict.fromkeys(features, 4.1),
            "moved": None,
        }
        for number, name, (quantity, price) in zip(numbers, NAMES, spread, strict=True)
    ]
    return {
        "features": features,
        "mean": [1.5] * len(features),
        "std": [0.8] * len(features),
        "k": len(clusters),
        "seed": 1,
        "silhouette": 0.43,
        "matched_to": None,
        "next_cluster": 3,
        "candidates": [{"k": 3, "seed": 1, "silhouette": 0.43, "cost": 9.5, "sizes": [10, 11, 12], "refused": None}],
        "clusters": clusters,
    }


def view(entities: int, numbers: tuple[int, ...], shift: float) -> dict[str, Any]:
    line = clustering(["quantity", "unit_price"], numbers, shift)
    return {"entities": entities, "line": line, "profile": clustering(["recency_days", "invoices", "revenue"])}


def model_json(number: int, numbers: tuple[int, ...] = (0, 1, 2), shift: float = 0.0) -> dict[str, Any]:
    return {
        "format": models.FORMAT,
        "model_number": number,
        "trained_at": f"2026-11-21T22:{number % 60:02}:05Z",
        "seconds": 31.2,
        "table": {"name": "retail", "version": 50 + number},
        "rows": {"total": 30_000, "used": 25_000, "without_customer": 6_000, "left_out": {"cancelled": 500}},
        "period": {"first": "2010-12-01T08:26:00Z", "last": "2011-12-09T12:50:00Z"},
        "views": {name: view(len(FACTS[name]), numbers, shift) for name in models.VIEWS},
        "recommendations": RECOMMENDATIONS,
        "promotion": {"promoted": True, "score": 0.47, "champion": None, "champion_score": None, "why": "the first"},
    }


def write_entities(file: Path, ids: dict[str, str] | None = None) -> None:
    """Write what is known of a few entities; or of one of each view, by these ids."""
    connection = sqlite3.connect(file)
    for table, those in FACTS.items():
        known = {ids[table]: next(iter(those.values()))} if ids else those
        connection.execute(f"CREATE TABLE {table} (id TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID")
        for name, own in known.items():
            connection.execute(f"INSERT INTO {table} VALUES (?, ?)", (name, json.dumps(facts(table, own))))  # noqa: S608
    connection.commit()
    connection.close()


def facts(table: str, own: dict[str, Any]) -> dict[str, Any]:
    known = {
        **own,
        "cluster_name": NAMES[own["cluster"]],
        "segment_name": "frequent small baskets",
        "profile": {"quantity": 4.1, "unit_price": 2.1, "recency_days": 12.0},
    }
    return known if table == "countries" else {**known, "recommendations": RECOMMENDED}


def write_model(
    number: int, numbers: tuple[int, ...] = (0, 1, 2), shift: float = 0.0, found: dict[str, Any] | None = None
) -> Path:
    """Write a whole model, as `found` or by hand, so that it appears in one step; return its folder."""
    draft = models.root() / f".draft_{number}"
    draft.mkdir(parents=True)
    (draft / models.MODEL).write_text(json.dumps(found or model_json(number, numbers, shift)))
    write_entities(draft / models.ENTITIES)
    models.seal(draft)
    return draft.rename(models.path_of(number))
