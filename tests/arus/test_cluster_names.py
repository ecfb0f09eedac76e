import random

import pytest

from arus.cluster_names import MOST_WORDS, WORDS, WORTH_A_WORD, named
from arus.retail_lines import LINE, VIEWS

BASKET = ("recency_days", "invoices", "revenue", "lines_per_invoice")


@pytest.mark.parametrize(
    ("centroid", "name"),
    [
        ((0.0, 0.0, 0.0, 0.0), "average"),
        ((0.49, -0.49, 0.0, 0.0), "average"),
        ((0.5, 0.0, 0.0, 0.0), "lapsed"),
        ((-0.5, 0.0, 0.0, 0.0), "recent"),
        ((0.0, 1.2, 0.0, -0.9), "frequent, small baskets"),
        ((0.0, -1.2, 0.0, 0.9), "rare, large baskets"),
        ((0.6, 0.7, 0.8, 0.9), "frequent, much revenue, large baskets"),
        ((-0.9, -0.8, -0.7, -0.6), "recent, rare, little revenue"),
    ],
)
def test_a_name_says_what_differs_from_the_average(centroid: tuple[float, ...], name: str) -> None:
    assert named([centroid], BASKET) == [name]


@pytest.mark.parametrize(
    ("feature", "low", "high"),
    [
        ("quantity", "small quantities", "large quantities"),
        ("unit_price", "low prices", "high prices"),
        ("recency_days", "recent", "lapsed"),
        ("invoices", "rare", "frequent"),
        ("revenue", "little revenue", "much revenue"),
        ("lines_per_invoice", "small baskets", "large baskets"),
        ("units_per_invoice", "few at a time", "many at a time"),
        ("revenue_per_invoice", "small invoices", "large invoices"),
    ],
)
def test_every_feature_has_a_word_for_low_and_for_high(feature: str, low: str, high: str) -> None:
    assert named([(-1.0,), (1.0,)], (feature,)) == [low, high]


def test_two_of_one_name_are_told_apart_by_where_they_differ_most() -> None:
    centroids = [(-0.6, 2.0), (-0.9, 0.6), (1.0, 0.0)]
    assert named(centroids, LINE) == [
        "small quantities, high prices, higher unit price",
        "small quantities, high prices, lower unit price",
        "large quantities",
    ]


def test_three_of_one_name_are_counted_in_order() -> None:
    assert named([(0.3, 0.1), (-0.4, 0.0), (0.0, 0.2)], LINE) == [
        "average, quantity 3 of 3",
        "average, quantity 1 of 3",
        "average, quantity 2 of 3",
    ]


def test_even_equal_centroids_have_different_names() -> None:
    assert len(set(named([(1.0, 1.0)] * 4, LINE))) == 4


@pytest.mark.parametrize("features", [LINE, *(view.profile for view in VIEWS)])
def test_no_name_comes_twice(features: tuple[str, ...]) -> None:
    rng = random.Random(5)
    for _ in range(300):
        spread = rng.choice((0.1, 0.6, 2.0))
        centroids = [[rng.gauss(0, spread) for _ in features] for _ in range(rng.randint(2, 8))]
        names = named(centroids, features)
        assert len(set(names)) == len(names) == len(centroids)
        assert all(name == name.strip() and "  " not in name for name in names)


def test_a_name_has_the_words_of_the_features_that_stand_out_most() -> None:
    rng = random.Random(6)
    for _ in range(300):
        centroid = [rng.gauss(0, 0.8) for _ in BASKET]
        telling = sorted((abs(value) for value in centroid if abs(value) >= WORTH_A_WORD), reverse=True)[:MOST_WORDS]
        words = [
            WORDS[feature][value > 0] for feature, value in zip(BASKET, centroid, strict=True) if abs(value) in telling
        ]
        assert named([centroid], BASKET) == [", ".join(words) or "average"]
