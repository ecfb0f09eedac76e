"""Rows of `tables/retail`, and entities' points, for the tests of what is learnt from them."""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from arus import schemas
from arus.retail_lines import LINE

FIRST = datetime(2010, 12, 1, 8, 26, tzinfo=timezone.utc)
Row = dict[str, Any]


def row(invoice: str = "536365", code: str = "85123A", *, hours: float = 0, **columns: Any) -> Row:
    """Return a row of the table, so many hours after the shop opened."""
    return {
        "invoice_no": invoice,
        "stock_code": code,
        "description": f"{code} IN WORDS",
        "quantity": 1,
        "invoice_date": FIRST + timedelta(hours=hours),
        "unit_price": 1.0,
        "customer_id": 17850,
        "country": "United Kingdom",
        "batch_id": 0,
        "topic": "retail_stream",
        "partition": 0,
        "offset": 0,
    } | columns


def table(spark: SparkSession, rows: Iterable[Row]) -> DataFrame:
    return spark.createDataFrame([tuple(each.values()) for each in rows], schemas.TABLES["retail"])


def points(spark: SparkSession, values: Iterable[Sequence[float]], features: Sequence[str] = LINE) -> DataFrame:
    """Return points with an id and the features."""
    rows = [(str(place), *map(float, point)) for place, point in enumerate(values)]
    return spark.createDataFrame(rows, ", ".join(["id string", *(f"{feature} double" for feature in features)]))


def blobs(centres: Iterable[Sequence[float]], count: int, seed: int = 1, spread: float = 0.05) -> list[list[float]]:
    """Return so many points around each centre, away from it by a share of itself."""
    rng = random.Random(seed)
    return [[value * (1 + rng.gauss(0, spread)) for value in centre] for centre in centres for _ in range(count)]


def predicted(facts: Mapping[str, Any], values: Sequence[float]) -> int:
    """Return the cluster of a request, by the formula that model.json is written for."""
    scaled = [
        (math.log1p(abs(value)) - mean) * (1 / std if std else 0.0)
        for value, mean, std in zip(values, facts["mean"], facts["std"], strict=True)
    ]
    away = [sum((z - c) * (z - c) for z, c in zip(scaled, each["centroid"], strict=True)) for each in facts["clusters"]]
    return int(facts["clusters"][away.index(min(away))]["cluster"])
