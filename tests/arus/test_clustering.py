"""K-means on real Spark: what it finds, that it finds it again, and that it predicts as model.json says."""

import json
import random
from collections import Counter
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from arus.clustering import Clustering, Sweep, cluster, nearest, silhouette_with
from arus.errors import ArusError
from arus.retail_lines import LINE
from tests.arus.retail_rows import blobs, points, predicted

CENTRES = [(2.0, 9.0), (4.0, 0.5), (60.0, 2.0)]
COUNT = 20
# How far the centroid of 20 points lies from their centre, as a share of it.
NEAR = 0.05


@pytest.fixture(scope="module")
def three(spark: SparkSession) -> DataFrame:
    """Points around three centres, in an order that tells nothing."""
    values = blobs(CENTRES, COUNT)
    return points(spark, random.Random(2).sample(values, len(values))).persist()


@pytest.fixture(scope="module")
def found(three: DataFrame) -> Clustering:
    return cluster(three, LINE, Sweep(2, 4, 1), "customers by line", None)


def placed(clustering: Clustering, rows: DataFrame) -> list[tuple[int, int, int]]:
    """Return each row's cluster by the pipeline, by the column and by the formula."""
    both = clustering.pipeline.transform(rows).withColumn("by_column", nearest(clustering.facts))
    return [
        (row["cluster"], row["by_column"], predicted(clustering.facts, [row[name] for name in LINE]))
        for row in both.collect()
    ]


def test_groups_that_are_there_are_found(found: Clustering) -> None:
    facts = found.facts
    assert (facts["k"], facts["seed"], facts["features"], facts["next_cluster"]) == (
        3,
        1,
        ["quantity", "unit_price"],
        3,
    )
    assert facts["silhouette"] > 0.95
    by_number = {each["cluster"]: each for each in facts["clusters"]}
    assert sorted(by_number) == [0, 1, 2]
    for number, centre in enumerate(CENTRES):
        typical = by_number[number]["typical"]
        assert (typical["quantity"], typical["unit_price"]) == pytest.approx(centre, rel=NEAR)
    assert [(each["size"], each["moved"]) for each in facts["clusters"]] == [(COUNT, None)] * 3
    assert found.names == {number: each["name"] for number, each in by_number.items()}
    assert found.names == {
        0: "small quantities, high prices",
        1: "low prices",
        2: "large quantities",
    }


def test_all_that_was_tried_is_told(found: Clustering) -> None:
    tried = found.facts["candidates"]
    assert [(each["k"], each["seed"], sum(each["sizes"]), each["refused"]) for each in tried] == [
        (2, 1, 60, None),
        (3, 1, 60, None),
        (4, 1, 60, None),
    ]
    assert [each["silhouette"] for each in tried].index(found.facts["silhouette"]) == 1
    assert tried[1]["cost"] < tried[0]["cost"]


def test_every_seed_is_tried_with_every_k(three: DataFrame) -> None:
    facts = cluster(three, LINE, Sweep(2, 3, 2), "customers by line", None).facts
    assert [(each["k"], each["seed"]) for each in facts["candidates"]] == [(2, 1), (2, 2), (3, 1), (3, 2)]


def test_the_same_points_make_the_same_clusters_to_the_last_digit(three: DataFrame, found: Clustering) -> None:
    again = cluster(three, LINE, Sweep(2, 4, 1), "customers by line", None)
    assert json.dumps(again.facts) == json.dumps(found.facts)


def test_numbers_are_kept_and_movements_told(three: DataFrame, found: Clustering) -> None:
    numbers = {0: 7, 1: 3, 2: 5}
    last = renumbered(found.facts, numbers, next_cluster=9)
    moved = three.withColumn("quantity", F.col("quantity") * 1.1)
    facts = cluster(moved, LINE, Sweep(3, 3, 1), "customers by line", last).facts
    typical = {each["cluster"]: round(each["typical"]["unit_price"]) for each in facts["clusters"]}
    assert typical == {7: 9, 3: 0, 5: 2}
    assert facts["next_cluster"] == 9
    # log(1 + 1.1 q) - log(1 + q) for each centre.
    steps = {each["cluster"]: each["moved"] for each in facts["clusters"]}
    assert steps == pytest.approx({7: 0.0645, 3: 0.0770, 5: 0.0937}, rel=0.02)


def test_a_number_that_was_given_up_never_comes_back(spark: SparkSession) -> None:
    fourth = (60.0, 20.0)
    facts: dict[str, Any] | None = None
    numbers = []
    for centres in (CENTRES, CENTRES[:2], [*CENTRES, fourth]):
        k = len(centres)
        facts = cluster(points(spark, blobs(centres, 8)), LINE, Sweep(k, k, 1), "customers by line", facts).facts
        typical = {each["cluster"]: round(each["typical"]["quantity"], -1) for each in facts["clusters"]}
        numbers.append((sorted(typical), facts["next_cluster"]))
    assert numbers == [([0, 1, 2], 3), ([0, 1], 3), ([0, 1, 3, 4], 5)]


@pytest.mark.parametrize("numbers", [{0: 0, 1: 1, 2: 2}, {0: 12, 1: 3, 2: 40}])
def test_spark_the_column_and_the_formula_place_every_row_alike(
    spark: SparkSession, three: DataFrame, found: Clustering, numbers: dict[int, int]
) -> None:
    rng = random.Random(4)
    rows = [(rng.choice((-1, 1)) * rng.lognormvariate(1, 2), rng.lognormvariate(0, 2)) for _ in range(500)]
    rows += [(0.0, 0.0), (-0.0, 0.0), (0.0, 5.0), (-80_995.0, 1.04), (1e9, 1e9), (2**31 - 1, 0.001)]
    last = renumbered(found.facts, numbers, next_cluster=41)
    clustering = cluster(three, LINE, Sweep(3, 3, 1), "customers by line", last)
    answers = placed(clustering, points(spark, rows))
    assert [answer for answer in answers if len(set(answer)) > 1] == []
    assert {answer[0] for answer in answers} == set(numbers.values())


def test_a_return_counts_by_its_size(spark: SparkSession, found: Clustering) -> None:
    sold, returned = placed(found, points(spark, [(60.0, 2.0), (-60.0, 2.0)]))
    assert sold == returned


def test_a_feature_that_never_varies_says_nothing(spark: SparkSession) -> None:
    rows = points(spark, [(float(2 + number % 5), 2.55) for number in range(40)])
    clustering = cluster(rows, LINE, Sweep(2, 2, 1), "customers by line", None)
    assert clustering.facts["std"][1] == 0.0
    answers = placed(clustering, points(spark, [(quantity, price) for quantity in (1, 9) for price in (0, 2.55, 1e6)]))
    assert [answer for answer in answers if len(set(answer)) > 1] == []
    assert [answer[0] for answer in answers] == [0, 0, 0, 1, 1, 1]


def test_a_lone_point_is_no_cluster_however_far_away(spark: SparkSession) -> None:
    far = [(9_999.0, 9_999.0), (9_000.0, 9_999.0)]
    many = blobs([(2.0, 9.0)], COUNT)
    with pytest.raises(ArusError) as error:
        cluster(points(spark, [*many, far[0]]), LINE, Sweep(2, 2, 1), "customers by line", None)
    assert str(error.value) == (
        "customers by line: no k gives clusters worth keeping (k=2: a cluster of 1 (at least 2)); wait for more rows"
    )
    facts = cluster(points(spark, [*many, *far]), LINE, Sweep(2, 2, 1), "customers by line", None).facts
    assert {each["cluster"]: each["size"] for each in facts["clusters"]} == {0: COUNT, 1: 2}


def test_a_degenerate_k_does_not_win_by_its_silhouette(spark: SparkSession) -> None:
    rows = points(spark, [*blobs([(2.0, 9.0), (3.0, 0.5)], COUNT, spread=0.3), (9_999.0, 9_999.0)])
    facts = cluster(rows, LINE, Sweep(2, 4, 1), "customers by line", None).facts
    refused = {each["k"]: each["refused"] for each in facts["candidates"]}
    assert refused[facts["k"]] is None
    assert set(refused.values()) > {None}
    assert facts["silhouette"] < max(each["silhouette"] for each in facts["candidates"])


@pytest.mark.parametrize(
    ("values", "sweep", "count"),
    [
        ([], Sweep(2, 3, 1), 0),
        ([(3.0, 2.55)] * 40, Sweep(2, 3, 1), 1),
        ([(3.0, 2.55), (4.0, 2.55), (5.0, 2.55)] * 10, Sweep(2, 3, 1), 3),
        ([(float(number % 6), 2.55) for number in range(60)], Sweep(6, 8, 1), 6),
    ],
)
def test_too_few_different_points_are_told_in_words(
    spark: SparkSession, values: list[tuple[float, float]], sweep: Sweep, count: int
) -> None:
    with pytest.raises(ArusError) as error:
        cluster(points(spark, values), LINE, sweep, "countries by profile", None)
    assert str(error.value) == f"countries by profile: only {count} different points; wait for more rows"


def test_no_more_clusters_are_tried_than_the_points_allow(spark: SparkSession) -> None:
    rows = points(spark, [(float(number % 4), 2.55) for number in range(40)])
    facts = cluster(rows, LINE, Sweep(2, 8, 1), "countries by profile", None).facts
    assert [each["k"] for each in facts["candidates"]] == [2, 3]


def test_another_models_clusters_are_measured_on_the_same_points(three: DataFrame, found: Clustering) -> None:
    assert silhouette_with(found.facts, three, found) == found.facts["silhouette"]
    coarse = cluster(three, LINE, Sweep(2, 2, 1), "customers by line", None)
    assert silhouette_with(coarse.facts, three, found) == pytest.approx(found.facts["candidates"][0]["silhouette"])


def test_clusters_that_leave_all_points_in_one_are_worth_nothing(three: DataFrame, found: Clustering) -> None:
    far = [each | {"centroid": [each["centroid"][0] + 100, 0.0]} for each in found.facts["clusters"][1:]]
    one = found.facts | {"clusters": [found.facts["clusters"][0], *far]}
    assert silhouette_with(one, three, found) == -1.0


def renumbered(facts: dict[str, Any], numbers: dict[int, int], next_cluster: int) -> dict[str, Any]:
    """Return a clustering's facts under other numbers."""
    clusters = [each | {"cluster": numbers[each["cluster"]]} for each in facts["clusters"]]
    return facts | {"clusters": clusters, "next_cluster": next_cluster}


def test_the_sizes_are_those_of_the_clusters_that_have_them(spark: SparkSession) -> None:
    values = [value for centre, count in zip(CENTRES, (9, 17, 30), strict=True) for value in blobs([centre], count)]
    rows = points(spark, values)
    clustering = cluster(rows, LINE, Sweep(3, 3, 1), "customers by line", None)
    counted = Counter(answer[0] for answer in placed(clustering, rows))
    assert {each["cluster"]: each["size"] for each in clustering.facts["clusters"]} == counted == {0: 9, 1: 17, 2: 30}
