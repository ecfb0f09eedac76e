"""K-means over the entities of a view: k by silhouette, numbers that keep their meaning from model to model."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.pool import ThreadPool
from typing import Any, cast

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import SQLTransformer, StandardScaler, StandardScalerModel, VectorAssembler
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from arus.cluster_names import named
from arus.errors import ArusError

Centroid = tuple[float, ...]
# A clustering as model.json has it.
Facts = Mapping[str, Any]
# A cluster of fewer members than this, or of a smaller share of all, says nothing of how people buy.
SMALLEST_CLUSTER = 2
SMALLEST_SHARE = 0.005
MAX_ITERATIONS = 50
# K-means of a few thousand points is a hundred tiny jobs, one after the other: several of them side by side.
AT_ONCE = 4


@dataclass(frozen=True)
class Candidate:
    """One k-means of a sweep: how well its clusters part, how tight they are, and why it may not win."""

    k: int
    seed: int
    silhouette: float
    cost: float
    sizes: list[int]
    refused: str | None


@dataclass(frozen=True)
class Sweep:
    """What is tried: each number of clusters from k_min to k_max, with as many seeds."""

    k_min: int
    k_max: int
    seeds: int


@dataclass(frozen=True)
class Clustering:
    """What was found: the pipeline for Spark, and the facts for model.json."""

    pipeline: PipelineModel
    facts: dict[str, Any]

    @property
    def names(self) -> dict[int, str]:
        return {each["cluster"]: each["name"] for each in self.facts["clusters"]}


def cluster(points: DataFrame, features: Sequence[str], sweep: Sweep, what: str, last: Facts | None) -> Clustering:
    """Return the best clustering of the points; ArusError where they part into no clusters worth the name.

    `last` are the facts of the same clustering in the last model, whose numbers are kept.
    """
    distinct = points.select(*features).distinct().count()
    if distinct < max(2 * SMALLEST_CLUSTER, sweep.k_min + 1):
        raise ArusError(f"{what}: only {distinct} different points; wait for more rows")
    stages = scaling(points, features)
    scaled = stages.transform(points).select("features").coalesce(1).localCheckpoint()
    ks, seeds = range(sweep.k_min, min(sweep.k_max, distinct - 1) + 1), range(1, sweep.seeds + 1)
    with ThreadPool(AT_ONCE) as pool:
        tried = pool.starmap(partial(_fit, scaled), itertools.product(ks, seeds))
    candidates = [candidate for candidate, _ in tried]
    chosen, model = tried[best(candidates, what)]
    facts = facts_of(chosen, model, cast(StandardScalerModel, stages.stages[-1]), features, last)
    facts["candidates"] = [asdict(candidate) for candidate in candidates]
    numbers = ", ".join(str(each["cluster"]) for each in facts["clusters"])
    to_numbers = SQLTransformer(
        statement=f"SELECT *, element_at(array({numbers}), nearest + 1) AS cluster FROM __THIS__"  # noqa: S608
    )
    return Clustering(PipelineModel([*stages.stages, model, to_numbers]), facts)


def facts_of(
    chosen: Candidate, model: KMeansModel, scaler: StandardScalerModel, features: Sequence[str], last: Facts | None
) -> dict[str, Any]:
    """Return what model.json says of a clustering, its clusters in the order of Spark's."""
    mean, std = scaler.mean.toArray().tolist(), scaler.std.toArray().tolist()
    centroids = [tuple(center.tolist()) for center in cast(list[np.ndarray[Any, Any]], model.clusterCenters())]
    old = in_logs(last) if last else {}
    fresh = int(last["next_cluster"]) if last else len(centroids)
    numbers = matched([unscaled(centroid, mean, std) for centroid in centroids], old, fresh)
    names = named(centroids, features)
    clusters = []
    for number, name, size, centroid in zip(numbers, names, chosen.sizes, centroids, strict=True):
        logs = unscaled(centroid, mean, std)
        typical = {feature: round(math.expm1(value), 4) for feature, value in zip(features, logs, strict=True)}
        moved = round(distance(logs, old[number]), 6) if number in old else None
        clusters.append(
            {"cluster": number, "name": name, "size": size, "centroid": centroid, "typical": typical, "moved": moved}
        )
    return {
        "features": list(features),
        "mean": mean,
        "std": std,
        "k": chosen.k,
        "seed": chosen.seed,
        "silhouette": chosen.silhouette,
        "next_cluster": max(fresh, max(numbers) + 1),
        "clusters": clusters,
    }


def unscaled(centroid: Centroid, mean: Sequence[float], std: Sequence[float]) -> Centroid:
    """Return a scaled centroid in log1p units, which do not depend on the scaling."""
    return tuple(z * s + m for z, s, m in zip(centroid, std, mean, strict=True))


def scaling(points: DataFrame, features: Sequence[str]) -> PipelineModel:
    """Return the stages before k-means, fitted: log1p of each feature's size, as a vector of mean 0 and std 1."""
    logs = ", ".join(f"log1p(abs({feature})) AS log_{feature}" for feature in features)
    to_logs = SQLTransformer(statement=f"SELECT *, {logs} FROM __THIS__")  # noqa: S608 (names of ours)
    assembler = VectorAssembler(inputCols=[f"log_{feature}" for feature in features], outputCol="logs")
    scaler = StandardScaler(inputCol="logs", outputCol="features", withMean=True, withStd=True)
    return PipelineModel([to_logs, assembler, scaler.fit(assembler.transform(to_logs.transform(points)))])


def _fit(scaled: DataFrame, k: int, seed: int) -> tuple[Candidate, KMeansModel]:
    model = KMeans(k=k, seed=seed, maxIter=MAX_ITERATIONS, featuresCol="features", predictionCol="nearest").fit(scaled)
    sizes = [int(size) for size in model.summary.clusterSizes]
    refused = why_refused(sizes, k)
    silhouette = -1.0 if sum(map(bool, sizes)) < 2 else silhouette_of(model.transform(scaled), "nearest")
    return Candidate(k, seed, silhouette, float(model.summary.trainingCost), sizes, refused), model


def silhouette_of(clustered: DataFrame, column: str) -> float:
    """Return the mean silhouette (squared Euclidean, -1 to 1) of the points by the cluster numbers in a column."""
    return float(ClusteringEvaluator(predictionCol=column, featuresCol="features").evaluate(clustered))


def silhouette_with(theirs: Facts, points: DataFrame, ours: Clustering) -> float:
    """Return the silhouette that another model's clusters have on the points, measured in our scaled space."""
    placed = ours.pipeline.transform(points).withColumn("theirs", nearest(theirs))
    # The silhouette of a single cluster is not defined; as a division it is worth nothing.
    return silhouette_of(placed, "theirs") if placed.select("theirs").distinct().count() > 1 else -1.0


def why_refused(sizes: Sequence[int], k: int) -> str | None:
    """Return what is degenerate about clusters of such sizes, or None."""
    if len(sizes) < k or min(sizes) == 0:
        return f"only {sum(map(bool, sizes))} of {k} clusters have members"
    least = max(SMALLEST_CLUSTER, round(SMALLEST_SHARE * sum(sizes)))
    return f"a cluster of {min(sizes)} (at least {least})" if min(sizes) < least else None


def best(candidates: Sequence[Candidate], what: str) -> int:
    """Return the place of the best that is not refused: the highest silhouette, at a tie the fewest clusters."""
    allowed = [place for place, candidate in enumerate(candidates) if candidate.refused is None]
    if not allowed:
        reasons = "; ".join(f"k={each.k}: {each.refused}" for each in candidates)
        raise ArusError(f"{what}: no k gives clusters worth keeping ({reasons}); wait for more rows")
    return max(allowed, key=lambda place: (candidates[place].silhouette, -candidates[place].k, -place))


def matched(centroids: Sequence[Centroid], last: Mapping[int, Centroid], fresh: int) -> list[int]:
    """Return a number for each centroid: that of the nearest old one, no number twice, the sum of distances least.

    Centroids without an old partner get numbers from `fresh` on. All are in the same space. With at most some eight
    clusters every assignment can be tried, so none is missed.
    """
    if not last:
        order = sorted(range(len(centroids)), key=lambda place: centroids[place])
        return [order.index(place) for place in range(len(centroids))]
    slots: list[int | None] = [*last, *[None] * max(len(centroids) - len(last), 0)]
    away = [{label: distance(centroid, old) for label, old in last.items()} for centroid in centroids]
    choice = min(
        itertools.permutations(slots, len(centroids)),
        key=lambda labels: sum(row[label] for row, label in zip(away, labels, strict=True) if label is not None),
    )
    numbers = itertools.count(fresh)
    return [next(numbers) if label is None else label for label in choice]


def distance(one: Centroid, other: Centroid) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)


def in_logs(facts: Facts) -> dict[int, Centroid]:
    """Return the centroids of a clustering in log1p units, by cluster number."""
    return {each["cluster"]: unscaled(each["centroid"], facts["mean"], facts["std"]) for each in facts["clusters"]}


def nearest(facts: Facts) -> Column:
    """Return the cluster that a clustering's facts give a row with its features."""
    scaled = [
        # A feature that never varied has the scale 0, as in StandardScaler.
        (F.log1p(F.abs(feature)) - F.lit(mean)) * F.lit(1 / std if std else 0.0)
        for feature, mean, std in zip(facts["features"], facts["mean"], facts["std"], strict=True)
    ]
    away = [
        sum(((z - F.lit(c)) * (z - F.lit(c)) for z, c in zip(scaled, each["centroid"], strict=True)), F.lit(0.0))
        for each in facts["clusters"]
    ]
    numbers = F.array(*(F.lit(each["cluster"]) for each in facts["clusters"]))
    distances = F.array(*away)
    return F.element_at(numbers, F.array_position(distances, F.array_min(distances)).cast("int"))
