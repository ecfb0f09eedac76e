"""A view's clusterings, what is known of its entities, which model is the best: on a shop of two kinds of buyers."""

import json
import random
import statistics
from typing import Any

import pytest
from pyspark.sql import SparkSession

from arus.clustering import Sweep, cluster
from arus.recommending import Offer
from arus.retail_lines import COUNTRIES, CUSTOMERS, LINE, PRODUCTS, View
from arus.retail_model import Clustered, clustered, known, promotion
from tests.arus.retail_rows import Row, blobs, points, row, table

TWO = Sweep(2, 2, 1)
CENTRES = [(2.0, 9.0), (4.0, 0.5), (60.0, 2.0)]


def shop() -> list[Row]:
    """Return what sixteen customers bought: eight often and much that is cheap, eight once and little that is dear."""
    rng = random.Random(8)
    rows = []
    for customer in range(16):
        is_big = customer < 8
        for visit in range(6 if is_big else 1):
            for third in range(3):
                code = f"{'CHEAP' if is_big else 'DEAR'}{rng.randint(1, 6)}"
                quantity, price = (rng.randint(90, 110), 0.5) if is_big else (rng.randint(1, 2), 9.0 + third)
                whose = {"customer_id": customer, "country": f"{'big' if is_big else 'small'} {customer % 3}"}
                rows.append(
                    row(f"{customer}/{visit}", code, hours=30 * visit, quantity=quantity, unit_price=price, **whose)
                )
    return rows


@pytest.fixture(scope="module")
def customers(spark: SparkSession) -> Clustered:
    return clustered(table(spark, shop()), CUSTOMERS, TWO, None)


def test_a_view_is_clustered_by_its_line_and_by_its_profile(customers: Clustered) -> None:
    facts = customers.facts
    assert list(facts) == ["entities", "line", "profile"]
    assert facts["entities"] == 16
    assert facts["line"]["features"] == ["quantity", "unit_price"]
    assert facts["profile"]["features"] == ["recency_days", "invoices", "revenue", "lines_per_invoice"]
    assert [[each["size"] for each in facts[part]["clusters"]] for part in ("line", "profile")] == [[8, 8], [8, 8]]


@pytest.mark.parametrize("view", [PRODUCTS, COUNTRIES])
def test_every_view_has_its_own_entities_and_features(spark: SparkSession, view: View) -> None:
    found = clustered(table(spark, shop()), view, TWO, None)
    assert found.facts["entities"] == {"products": 12, "countries": 6}[view.name]
    assert found.facts["profile"]["features"] == list(view.profile)
    halves = found.facts["entities"] // 2
    assert [each["size"] for each in found.facts["line"]["clusters"]] == [halves, halves]


def test_a_view_keeps_the_numbers_of_the_last_model(spark: SparkSession, customers: Clustered) -> None:
    other = {"line": {0: 6, 1: 4}, "profile": {0: 9, 1: 8}}
    last = {"views": {"customers": {part: renumbered(customers.facts[part], other[part]) for part in other}}}
    again = clustered(table(spark, shop()), CUSTOMERS, TWO, last)
    assert again.facts == {"entities": 16} | last["views"]["customers"]


def renumbered(facts: dict[str, Any], numbers: dict[int, int]) -> dict[str, Any]:
    """Return a clustering's facts under other numbers, at rest."""
    clusters = [each | {"cluster": numbers[each["cluster"]], "moved": 0.0} for each in facts["clusters"]]
    return facts | {"clusters": clusters, "next_cluster": 10}


def test_the_same_rows_in_another_order_make_the_same_model(spark: SparkSession) -> None:
    rng = random.Random(9)
    rows = [
        row(str(number), hours=number, quantity=rng.randint(1, 99), unit_price=rng.random(), customer_id=number % 80)
        for number in range(400)
    ]
    orders = (rows, rng.sample(rows, len(rows)))
    one, other = (clustered(table(spark, each), CUSTOMERS, Sweep(3, 3, 1), None).facts for each in orders)
    assert json.dumps(one) == json.dumps(other)


def test_what_is_known_of_a_customer_is_what_the_server_answers(customers: Clustered) -> None:
    offers = {"3": [Offer("CHEAP1", 0.9), Offer("GONE", 0.1)]}
    answers = dict(known(customers, offers, {"CHEAP1": "CHEAP, IN WORDS"}))
    assert sorted(answers, key=int) == [str(customer) for customer in range(16)]
    (figures,) = customers.points.where("id = '3'").collect()
    assert answers["3"] == {
        "cluster": 1,
        "cluster_name": "large quantities, low prices",
        "segment": 0,
        "segment_name": "recent, frequent, much revenue",
        "profile": {
            "quantity": figures.quantity,
            "unit_price": 0.5,
            "recency_days": 0.0,
            "invoices": 6.0,
            "revenue": figures.revenue,
            "lines_per_invoice": 3.0,
        },
        "recommendations": [
            {"StockCode": "CHEAP1", "Description": "CHEAP, IN WORDS", "score": 0.9},
            {"StockCode": "GONE", "Description": "", "score": 0.1},
        ],
    }
    assert (answers["9"]["cluster"], answers["9"]["segment"], answers["9"]["recommendations"]) == (0, 1, [])
    assert (answers["9"]["cluster_name"], answers["9"]["segment_name"]) == (
        "small quantities, high prices",
        "lapsed, rare, little revenue",
    )


def test_a_product_is_known_with_its_description(spark: SparkSession) -> None:
    found = clustered(table(spark, shop()), PRODUCTS, TWO, None)
    answers = dict(known(found, {}, {"CHEAP1": "CHEAP, IN WORDS"}))
    assert {code: facts["description"] for code, facts in answers.items()} == {
        "CHEAP1": "CHEAP, IN WORDS",
        **{code: "" for code in answers if code != "CHEAP1"},
    }
    assert list(answers["DEAR1"]["profile"]) == [*LINE, *PRODUCTS.profile]


# --- is it the best yet ---


def alone(spark: SparkSession, k: int, view: View = CUSTOMERS) -> Clustered:
    """Return a view that has but one clustering, of so many clusters, where there are three groups."""
    rows = points(spark, blobs(CENTRES, 10))
    return Clustered(view, rows, {"line": cluster(rows, LINE, Sweep(k, k, 1), "customers by line", None)})


def champion(*views: Clustered, **changes: Any) -> dict[str, Any]:
    """Return what a champion's model.json says that has the same clusterings."""
    facts = {each.view.name: {"line": each.parts["line"].facts | changes} for each in views}
    return {"model_number": 4, "views": facts}


@pytest.fixture(scope="module")
def fine(spark: SparkSession) -> Clustered:
    return alone(spark, 3)


@pytest.fixture(scope="module")
def coarse(spark: SparkSession) -> Clustered:
    return alone(spark, 2)


def silhouette(found: Clustered) -> float:
    return float(found.parts["line"].facts["silhouette"])


def test_the_first_model_is_the_best_there_is(coarse: Clustered) -> None:
    assert promotion([coarse], None) == {
        "promoted": True,
        "score": silhouette(coarse),
        "champion": None,
        "champion_score": None,
        "why": "the first sound model",
    }


def test_a_better_model_is_promoted(fine: Clustered, coarse: Clustered) -> None:
    ours, theirs = silhouette(fine), silhouette(coarse)
    assert promotion([fine], champion(coarse)) == {
        "promoted": True,
        "score": ours,
        "champion": 4,
        "champion_score": pytest.approx(theirs),
        "why": f"mean silhouette {ours:.3f}; model 4 has {theirs:.3f} on the same points",
    }


def test_a_worse_model_is_not_promoted_and_says_why(fine: Clustered, coarse: Clustered) -> None:
    ours, theirs = silhouette(coarse), silhouette(fine)
    assert ours < theirs
    assert promotion([coarse], champion(fine)) == {
        "promoted": False,
        "score": ours,
        "champion": 4,
        "champion_score": pytest.approx(theirs),
        "why": f"mean silhouette {ours:.3f}; model 4 has {theirs:.3f} on the same points",
    }


def test_a_model_as_good_as_the_champion_is_promoted_since_it_knows_newer_rows(fine: Clustered) -> None:
    others = [each | {"cluster": 30 - each["cluster"]} for each in fine.parts["line"].facts["clusters"]]
    found = promotion([fine], champion(fine, clusters=others))
    assert (found["promoted"], found["score"], found["champion_score"]) == (True, silhouette(fine), silhouette(fine))


def test_a_champion_that_no_longer_divides_the_points_is_beaten(coarse: Clustered) -> None:
    first, *others = coarse.parts["line"].facts["clusters"]
    far = [each | {"centroid": [99.0, 99.0]} for each in others]
    found = promotion([coarse], champion(coarse, clusters=[first, *far]))
    assert (found["promoted"], found["champion_score"]) == (True, -1.0)


def test_the_score_is_the_mean_over_all_clusterings(spark: SparkSession, fine: Clustered, coarse: Clustered) -> None:
    products = alone(spark, 2, PRODUCTS)
    mean = statistics.fmean([silhouette(fine), silhouette(products)])
    found = promotion([fine, products], champion(coarse, products))
    assert found["score"] == mean
    assert found["champion_score"] == pytest.approx(silhouette(coarse))
    assert found["promoted"]
