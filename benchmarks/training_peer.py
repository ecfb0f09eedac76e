"""Spark's k-means beside scikit-learn's on the same points, in turn: run by `python -m benchmarks training`.

With the settings of `retail_train`: first on the features that it clusters, then on quantity and price of every line.
"""

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pyspark.ml.clustering import KMeans
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.cluster import KMeans as SklearnKMeans  # type: ignore[import-untyped]

from arus.clustering import MAX_ITERATIONS, scaling
from arus.delta_files import path_of
from arus.retail_lines import LINE, VIEWS, entities, judged

ROUNDS = 5
CLUSTERS = 4
Timed = tuple[float, float]


def point_sets(lines: DataFrame) -> Iterator[tuple[str, DataFrame, Sequence[str]]]:
    """Yield what is clustered: its name, its rows and the features."""
    for view in VIEWS:
        points = entities(lines, view).coalesce(1).localCheckpoint()
        for part, features in (("line", LINE), ("profile", view.profile)):
            yield f"{view.name} by {part}", points, features
    yield "all lines", lines.select(*LINE), LINE


def compared(scaled: DataFrame) -> dict[str, Any]:
    """Return the median seconds of both, and Spark's cost as a share of the other's."""
    column = scaled.select(vector_to_array(F.col("features")).alias("features")).toArrow()["features"].combine_chunks()
    values = column.flatten().to_numpy().reshape(len(column), -1)
    ours, theirs = [], []
    for seed in range(ROUNDS + 1):
        ours.append(by_spark(scaled, seed))
        theirs.append(by_sklearn(values, seed))
    spark, cost = median_of(ours[1:])
    sklearn, their_cost = median_of(theirs[1:])
    return {"points": len(values), "k": CLUSTERS, "spark": spark, "sklearn": sklearn, "cost": cost / their_cost}


def by_spark(scaled: DataFrame, seed: int) -> Timed:
    began = time.perf_counter()
    model = KMeans(k=CLUSTERS, seed=seed, maxIter=MAX_ITERATIONS).fit(scaled)
    return time.perf_counter() - began, float(model.summary.trainingCost)


def by_sklearn(values: "np.ndarray[Any, Any]", seed: int) -> Timed:
    began = time.perf_counter()
    model = SklearnKMeans(CLUSTERS, n_init=1, max_iter=MAX_ITERATIONS, random_state=seed).fit(values)
    return time.perf_counter() - began, float(model.inertia_)


def median_of(timed: Sequence[Timed]) -> Timed:
    seconds, costs = zip(*timed, strict=True)
    return statistics.median(seconds), statistics.median(costs)


def main() -> None:
    spark = SparkSession.builder.getOrCreate()
    table = spark.read.format("delta").load(path_of("retail"))
    lines = judged(table, str(spark.conf.get("spark.arus.product-code"))).where(F.col("left_out").isNull())
    for what, points, features in point_sets(lines):
        scaled = scaling(points, features).transform(points).select("features").localCheckpoint()
        print("RESULT", json.dumps({"what": what, **compared(scaled)}), flush=True)


if __name__ == "__main__":
    main()
