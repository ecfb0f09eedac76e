"""What to offer next, on shops so small that the right answer is known."""

import time
from collections.abc import Iterator

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from arus.recommending import (
    Judgement,
    for_customers,
    judge_customers,
    judge_together,
    judgement,
    popular,
    split_moment,
    together,
)
from tests.arus.retail_rows import Row, row, table

TEN = range(10)


def baskets(first: int, *items: tuple[str, int]) -> list[Row]:
    """Return invoices, numbered from `first` on: so many of each basket, its products as letters."""
    invoices = (letters for letters, count in items for _ in range(count))
    return [row(str(first + number), code) for number, letters in enumerate(invoices) for code in letters]


# --- judging ---


@pytest.mark.parametrize(
    ("hits", "popular_hits", "cases", "expected"),
    [
        (0.31, 0.12, 812, Judgement("als", 0.31, 0.12, 812, "als hits in 31.0% of 812 cases, popularity in 12.0%")),
        (0.5, 0.25, 50, Judgement("als", 0.5, 0.25, 50, "als hits in 50.0% of 50 cases, popularity in 25.0%")),
        # As good is not better.
        (
            0.2,
            0.2,
            1000,
            Judgement("popularity", 0.2, 0.2, 1000, "als hits in 20.0% of 1,000 cases, popularity in 20.0%"),
        ),
        (0.1, 0.2, 60, Judgement("popularity", 0.1, 0.2, 60, "als hits in 10.0% of 60 cases, popularity in 20.0%")),
        (1.0, 0.0, 49, Judgement("popularity", 1.0, 0.0, 49, "only 49 cases to judge by (50)")),
    ],
)
def test_only_what_beats_popularity_in_cases_enough_is_served(
    hits: float, popular_hits: float, cases: int, expected: Judgement
) -> None:
    found = judgement("als", hits, popular_hits, cases)
    assert found == expected
    assert found.is_served == (expected.method == "als")


# --- popularity ---


def test_popular_is_what_is_on_the_most_invoices(spark: SparkSession) -> None:
    # Two lines of one invoice count once; E and F, on as many, go by their codes; L is the eleventh.
    rows = baskets(0, ("A", 5), ("B", 9), ("F", 3), ("E", 3), ("GHIJKL", 2), ("M", 1), ("D", 4), ("C", 7))
    rows += [row("0", "A"), row("0", "A"), row("900", "B", description=None), row("901", "N", description=None)]
    found = popular(table(spark, rows))
    assert [(each["StockCode"], each["invoices"]) for each in found] == [
        ("B", 10),
        ("C", 7),
        ("A", 5),
        ("D", 4),
        ("E", 3),
        ("F", 3),
        ("G", 2),
        ("H", 2),
        ("I", 2),
        ("J", 2),
    ]
    assert found[0] == {"StockCode": "B", "Description": "B IN WORDS", "invoices": 10}
    assert popular(table(spark, rows[-1:])) == [{"StockCode": "N", "Description": "", "invoices": 1}]


# --- the split by time ---


@pytest.fixture(params=["UTC", "Asia/Jakarta"])
def driver_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the driver's Python run in a time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("driver_zone")
def test_the_split_is_at_four_fifths_of_the_lines_wherever_the_driver_runs(spark: SparkSession) -> None:
    lines = table(spark, [row(str(number), hours=number) for number in range(200)])
    before = lines.where(F.col("invoice_date") < F.lit(split_moment(lines)))
    assert abs(before.count() - 160) <= 1


# --- bought together ---


def test_what_is_always_bought_together_is_offered_together(spark: SparkSession) -> None:
    lines = table(spark, baskets(0, ("AB", 30), ("AC", 10), ("CD", 20), ("E", 10)))
    assert together(lines, 0.05) == {
        "A": [("B", 0.75), ("C", 0.25)],
        "B": [("A", 1.0)],
        "C": [("D", 0.6667), ("A", 0.3333)],
        "D": [("C", 1.0)],
    }


def test_what_is_seldom_bought_together_is_not_offered(spark: SparkSession) -> None:
    lines = table(spark, baskets(0, ("AB", 30), ("AC", 10), ("CD", 20), ("E", 10)))
    # 10 of 70 invoices have A and C: 0.143.
    assert together(lines, 0.15) == {"A": [("B", 0.75)], "B": [("A", 1.0)], "C": [("D", 0.6667)], "D": [("C", 1.0)]}
    assert together(lines, 0.9) == {}


def test_a_product_is_offered_with_the_ten_likeliest_and_at_a_tie_by_code(spark: SparkSession) -> None:
    lines = table(spark, baskets(0, ("AZ", 30), ("ABCDEFGHIJKL", 20), ("AY", 10)))
    expected = [("Z", 0.5), *((code, 0.3333) for code in "BCDEFGHIJ")]
    assert together(lines, 0.1)["A"] == expected


# Of 147 invoices, 10 / 147 of them are more than 10, in floating point.
@pytest.mark.parametrize("others", [0, 128])
def test_what_is_together_on_fewer_than_ten_invoices_is_chance(spark: SparkSession, others: int) -> None:
    # Of 16 products on nine invoices together there are 65,535 sets, of 40 more than a memory holds.
    lines = table(spark, baskets(0, ("ABCDEFGHIJKLMNOP", 9), ("YZ", 10), ("X", others)))
    assert together(lines, 0.001) == {"Y": [("Z", 1.0)], "Z": [("Y", 1.0)]}


def test_a_handful_of_invoices_tells_nothing(spark: SparkSession) -> None:
    assert together(table(spark, baskets(0, ("AB", 9))), 0.001) == {}


def pair(number: int) -> tuple[str, str]:
    return f"{number:02}-left", f"{number:02}-right"


def test_together_is_judged_by_what_was_then_bought(spark: SparkSession) -> None:
    # Twelve pairs, the first ones the more often: five of them are the ten most popular products.
    sold = [
        row(f"{number}/{turn}", code) for number in range(12) for turn in range(30 - number) for code in pair(number)
    ]
    later = [row(f"later {number}/{turn}", code) for number in range(12) for turn in range(5) for code in pair(number)]
    # No cases: nothing was ever offered with a product, or there is no other one in the basket.
    later += [row("unknown", "x"), row("unknown", "y"), row("alone", pair(0)[0])]
    found = judge_together(table(spark, sold), table(spark, later), 0.02)
    assert found == Judgement("fpgrowth", 1.0, 25 / 60, 60, "fpgrowth hits in 100.0% of 60 cases, popularity in 41.7%")


def test_what_was_never_bought_together_again_is_no_hit(spark: SparkSession) -> None:
    sold = [row(f"{number}/{turn}", code) for number in range(12) for turn in range(10) for code in pair(number)]
    later = [row(f"{turn}", code) for turn in range(60) for code in (pair(turn % 12)[0], pair((turn + 1) % 12)[1])]
    found = judge_together(table(spark, sold), table(spark, later), 0.02)
    assert (found.method, found.hit_rate, found.cases) == ("popularity", 0.0, 60)


# --- for a customer ---


def tastes(spark: SparkSession, buyers: dict[str, range], invoices: int) -> DataFrame:
    """Return what customers of each taste bought: three of its ten products on each invoice, nine of them on three."""
    return table(
        spark,
        [
            row(f"{customer}/{visit}", f"{taste}{(customer + visit + third * 3) % 10}", customer_id=customer)
            for taste, customers in buyers.items()
            for customer in customers
            for visit in range(invoices)
            for third in range(3)
        ],
    )


def test_a_customer_is_offered_what_others_of_the_same_taste_buy(spark: SparkSession) -> None:
    offers = for_customers(tastes(spark, {"tea": range(12), "oil": range(12, 24)}, 3))
    assert sorted(offers, key=int) == [str(customer) for customer in range(24)]
    for customer, offered in offers.items():
        taste = "tea" if int(customer) < 12 else "oil"
        assert {offer.code for offer in offered} == {f"{taste}{number}" for number in TEN}
        scores = [offer.score for offer in offered]
        assert scores == sorted(scores, reverse=True)


def test_who_is_not_known_is_offered_nothing(spark: SparkSession) -> None:
    anonymous = table(spark, [row(str(number), customer_id=None) for number in TEN])
    assert for_customers(anonymous) == {}


def test_offers_to_customers_are_judged_by_what_they_then_bought(spark: SparkSession) -> None:
    buyers = {"tea": range(20), "oil": range(20, 60)}
    before = tastes(spark, buyers, 3)
    strangers = [row("s1", "tea1", customer_id=99), row("s2", "oil1", customer_id=None)]
    after = tastes(spark, buyers, 1).union(table(spark, strangers))
    # The ten most popular are all oils, which two in three buy.
    assert judge_customers(before, after) == Judgement(
        "als", 1.0, 40 / 60, 60, "als hits in 100.0% of 60 cases, popularity in 66.7%"
    )


def test_customers_who_turn_to_other_products_are_no_hits(spark: SparkSession) -> None:
    before = tastes(spark, {"tea": range(20), "oil": range(20, 60)}, 3)
    after = tastes(spark, {"tea": range(20, 60), "oil": range(20)}, 1)
    found = judge_customers(before, after)
    assert found == Judgement("popularity", 0.0, 20 / 60, 60, "als hits in 0.0% of 60 cases, popularity in 33.3%")


def test_where_nothing_was_sold_before_there_is_nothing_to_judge(spark: SparkSession) -> None:
    nothing, after = table(spark, []), tastes(spark, {"tea": range(60)}, 1)
    expected = Judgement("popularity", 0.0, 0.0, 0, "only 0 cases to judge by (50)")
    assert judge_customers(nothing, after) == judge_together(nothing, after, 0.1) == expected
    assert judge_customers(after, nothing) == judge_together(after, nothing, 0.1) == expected
