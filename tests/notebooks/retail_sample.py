"""A small retail table as the ingest job makes it, and three models made by hand, as a training writes them."""

import itertools
import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from arus import models
from producers import retail_data

Row = dict[str, Any]
# A cluster: its number, its name, and its typical quantity and price.
Cluster = tuple[int, str, float, float]

SCHEMA = {
    "invoice_no": pa.string(),
    "stock_code": pa.string(),
    "description": pa.string(),
    "quantity": pa.int32(),
    "invoice_date": pa.timestamp("us", "UTC"),
    "unit_price": pa.float64(),
    "customer_id": pa.int32(),
    "country": pa.string(),
    "batch_id": pa.int64(),
    "topic": pa.string(),
    "partition": pa.int32(),
    "offset": pa.int64(),
}
SMALL, DEAR, LARGE = (0, "small quantities", 2.0, 1.0), (1, "high prices", 3.0, 8.0), (2, "large quantities", 30.0, 1.0)
# Cluster 1 goes after model 2, whose cluster 2 is new; what stays moves a little.
CLUSTERS: dict[int, list[Cluster]] = {
    1: [SMALL, DEAR],
    2: [LARGE, SMALL, (1, "high prices", 3.5, 9.0)],
    3: [(0, "small, dear", 2.4, 3.0), (2, "large quantities", 36.0, 1.1)],
}
MEAN, STD = (1.5, 0.8), (0.8, 0.5)
PROFILES = {
    "customers": ("recency_days", "invoices", "revenue", "lines_per_invoice"),
    "products": ("recency_days", "invoices", "revenue", "units_per_invoice"),
    "countries": ("invoices", "revenue", "lines_per_invoice", "revenue_per_invoice"),
}
IDS = {"customers": ("17850", "12346", "12347"), "products": ("85123A", "71053"), "countries": ("France", "EIRE")}
# Typical quantity and price, of each entity in the order of IDS.
TYPICAL = ((2.0, 1.5), (40.0, 0.9), (3.0, 20.0))
OFFERS = [{"StockCode": "71053", "Description": "WHITE $1 LANTERN", "score": 0.8}]


def generated(count: int, seed: int = 1) -> list[Row]:
    """Return so many rows of the invented shop, as the table has them."""
    rows = itertools.islice(retail_data.rows(seed), count)
    return [
        line(
            str(row["InvoiceNo"]),
            str(row["StockCode"]),
            int(str(row["Quantity"])),
            float(str(row["UnitPrice"])),
            str(row["InvoiceDate"]),
            None if row["CustomerID"] is None else int(float(str(row["CustomerID"]))),
            str(row["Country"]),
        )
        for row in rows
    ]


def line(
    invoice: str,
    code: str,
    quantity: int,
    price: float,
    date: str,
    customer: int | None = None,
    country: str | None = "EIRE",
) -> Row:
    return {
        "invoice_no": invoice,
        "stock_code": code,
        "quantity": quantity,
        "invoice_date": datetime.fromisoformat(date).replace(tzinfo=timezone.utc),
        "unit_price": price,
        "customer_id": customer,
        "country": country,
    }


def write_table(home: Path, rows: Sequence[Row]) -> None:
    table = pa.Table.from_pylist(list(rows), pa.schema(list(SCHEMA.items())))
    write_deltalake(str(home / "tables" / "retail"), table, mode="append")


def write_models(*numbers: int, champion: int | None = None) -> None:
    """Write these models into the home of now; `champion` is the best of them."""
    for number in numbers:
        write_model(number, CLUSTERS[number])
    if champion is not None:
        models.promote(champion)


def write_model(number: int, clusters: Sequence[Cluster]) -> None:
    folder = models.path_of(number)
    folder.mkdir(parents=True)
    (folder / models.MODEL).write_text(json.dumps(model_json(number, clusters)))
    connection = sqlite3.connect(folder / models.ENTITIES)
    for view, ids in IDS.items():
        connection.execute(f"CREATE TABLE {view} (id TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID")
        # Each model knows one entity more than the one before it.
        known = [(name, json.dumps(entity(view, at, clusters))) for at, name in enumerate(ids[:number])]
        connection.executemany(f"INSERT INTO {view} VALUES (?, ?)", known)  # noqa: S608
    connection.commit()
    connection.close()
    models.seal(folder)


def entity(view: str, place: int, clusters: Sequence[Cluster]) -> Row:
    """Return what a model knows of an entity, its cluster by the nearest centroid."""
    quantity, price = TYPICAL[place]
    here = scaled(quantity, price)
    number, name, *_ = min(clusters, key=lambda each: math.dist(here, scaled(*each[2:])))
    profile = {"quantity": quantity, "unit_price": price, **dict.fromkeys(PROFILES[view], 5.0 + place)}
    facts = {"cluster": number, "cluster_name": name, "segment": 0, "segment_name": "frequent", "profile": profile}
    offers = OFFERS if view == "customers" and place < 2 else []
    return {**facts, "recommendations": offers, **({"description": f"THING {place}"} if view == "products" else {})}


def scaled(quantity: float, price: float) -> tuple[float, ...]:
    logs = (math.log1p(quantity), math.log1p(price))
    return tuple((value - mean) / std for value, mean, std in zip(logs, MEAN, STD, strict=True))


def model_json(number: int, clusters: Sequence[Cluster]) -> Row:
    return {
        "format": models.FORMAT,
        "model_number": number,
        "trained_at": f"2026-11-21T22:{number:02}:05Z",
        "seconds": 31.2,
        "table": {"name": "retail", "version": number - 1},
        "rows": {
            "total": 100,
            "used": 90,
            "without_customer": 9,
            "left_out": {"cancelled": 4, "returned": 3, "no_price": 2, "no_product": 1},
        },
        "period": {"first": "2010-12-01T08:26:00Z", "last": "2010-12-09T12:50:00Z"},
        "views": {
            view: {"entities": min(number, len(ids)), "line": line_clusters(clusters), "profile": segments(view)}
            for view, ids in IDS.items()
        },
        "recommendations": {
            "customers": judged("als", 0.31, 0.12, 812),
            "products": judged("popularity", 0.0, 0.0, 0),
            "popular": [{"StockCode": "22423", "Description": "CAKESTAND", "invoices": 7}],
        },
        "promotion": {
            "promoted": number != 2,
            "score": 0.4 + number / 100,
            "champion": None if number == 1 else 1,
            "champion_score": None if number == 1 else 0.42,
            "why": "made by hand",
        },
    }


def judged(method: str, rate: float, popular: float, cases: int) -> Row:
    return {"method": method, "hit_rate": rate, "popularity_hit_rate": popular, "cases": cases, "why": "as tested"}


def line_clusters(clusters: Sequence[Cluster]) -> Row:
    found = [
        centre(number, name, scaled(quantity, price), {"quantity": quantity, "unit_price": price})
        for number, name, quantity, price in clusters
    ]
    return clustering(("quantity", "unit_price"), found, MEAN, STD)


def segments(view: str) -> Row:
    features = PROFILES[view]
    found = [
        centre(number, name, [away] * len(features), dict.fromkeys(features, 10.0 * (number + 1)))
        for number, name, away in ((0, "frequent", 0.7), (1, "rare, little revenue", -1.9))
    ]
    return clustering(features, found, [1.0] * len(features), [1.0] * len(features))


def centre(number: int, name: str, centroid: Sequence[float], typical: Mapping[str, float]) -> Row:
    known = {"centroid": list(centroid), "typical": dict(typical), "moved": None}
    return {"cluster": number, "name": name, "size": 10 * (number + 1), **known}


def clustering(features: Sequence[str], clusters: list[Row], mean: Sequence[float], std: Sequence[float]) -> Row:
    """Return a clustering whose sweep has an equal, a worse, a refused and a degenerate candidate too."""
    k = len(clusters)
    tried = [(k, 1, 0.43, None), (k, 2, 0.43, None), (k + 1, 1, 0.4, None), (k + 1, 2, 0.6, "a cluster of 1")]
    tried.append((k + 2, 1, -1.0, f"only 1 of {k + 2} clusters have members"))
    names = ("k", "seed", "silhouette", "refused")
    return {
        "features": list(features),
        "mean": list(mean),
        "std": list(std),
        "k": k,
        "seed": 1,
        "silhouette": 0.43,
        "next_cluster": 3,
        "candidates": [{**dict(zip(names, each, strict=True)), "cost": 9.5, "sizes": []} for each in tried],
        "clusters": clusters,
    }


# Two customers and an unknown one on two days, with one row of each kind that is left out.
ROWS = [
    line("1", "10001", 2, 1.5, "2011-01-03 10:00:00", 7, "EIRE"),
    line("1", "10002A", 1, 4.0, "2011-01-03 10:00:00", 7, "EIRE"),
    line("2", "10001", 10, 1.0, "2011-01-04 12:30:00", 7, "EIRE"),
    line("3", "10003", 1, 30.0, "2011-01-05 10:00:00", 8, "Japan"),
    line("4", "10003", 1, 2.0, "2011-01-05 22:00:00", None, None),
    line("C5", "10003", -1, 30.0, "2011-01-05 23:00:00", 8, "Japan"),
    line("6", "10003", -1, 30.0, "2011-01-05 23:00:00", 8, "Japan"),
    line("7", "10003", 1, 0.0, "2011-01-05 23:00:00", 8, "Japan"),
    line("8", "POST", 1, 18.0, "2011-01-05 23:59:00", 8, "Japan"),
]
