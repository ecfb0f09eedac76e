from dataclasses import replace
from datetime import timedelta

import pytest
from pyspark.sql import SparkSession

from arus import home, settings
from arus.errors import ArusError
from arus.recommending import Judgement
from arus.retail_lines import judged
from arus.settings import Trigger
from jobs.retail_train import Settings, in_words, period, recommended, refuse_wrong, row_counts
from tests.arus.retail_rows import FIRST, Row, row, table

SETTINGS = Settings(
    trigger=Trigger("availableNow"),
    min_rows=1000,
    min_lines=5,
    k_min=2,
    k_max=6,
    seeds=3,
    product_code="[0-9]{5}[A-Za-z]{0,3}",
    together_support=0.005,
)


def test_the_shipped_settings_are_read() -> None:
    lines = (home.ROOT / "conf" / "retail_train.conf").read_text().splitlines()
    conf = dict(line.split(None, 1) for line in lines if line.startswith(settings.PREFIX))
    assert settings.read(Settings, conf) == SETTINGS


@pytest.mark.parametrize(
    "fine",
    [
        SETTINGS,
        replace(SETTINGS, trigger=Trigger("processingTime", "10 minutes")),
        replace(SETTINGS, k_min=8, k_max=8),
        replace(SETTINGS, seeds=1, together_support=0.999),
    ],
)
def test_settings_that_a_training_can_be_done_with_pass(fine: Settings) -> None:
    refuse_wrong(fine)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            replace(SETTINGS, trigger=Trigger("realtime", "5 minutes")),
            "spark.arus.trigger must be availableNow or an int",
        ),
        (replace(SETTINGS, k_min=1), "spark.arus.k-min and spark.arus.k-max must be 2 to 8, in order"),
        (replace(SETTINGS, k_max=9), "spark.arus.k-min and spark.arus.k-max must be 2 to 8, in order"),
        (replace(SETTINGS, k_min=7, k_max=6), "spark.arus.k-min and spark.arus.k-max must be 2 to 8, in order"),
        (replace(SETTINGS, seeds=0), "spark.arus.seeds must be at least 1"),
        (replace(SETTINGS, together_support=0.0), "spark.arus.together-support between 0 and 1"),
        (replace(SETTINGS, together_support=1.0), "spark.arus.together-support between 0 and 1"),
        (replace(SETTINGS, product_code="[0-9"), "spark.arus.product-code"),
    ],
)
def test_settings_that_no_training_can_be_done_with_are_refused(wrong: Settings, said: str) -> None:
    with pytest.raises(ArusError) as error:
        refuse_wrong(wrong)
    assert str(error.value).startswith("settings: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_left_out_is_counted_by_reason_and_adds_up(spark: SparkSession) -> None:
    rows = [
        *[row("C1", quantity=-1)] * 4,
        *[row(quantity=0)] * 3,
        *[row(unit_price=0.0, customer_id=None)] * 2,
        row(code="POST"),
        *[row()] * 6,
        *[row(customer_id=None)] * 5,
    ]
    counts = row_counts(judged(table(spark, rows), SETTINGS.product_code))
    assert counts == {
        "total": 21,
        "used": 11,
        "without_customer": 5,
        "left_out": {"cancelled": 4, "returned": 3, "no_price": 2, "no_product": 1},
    }
    assert counts["total"] == counts["used"] + sum(counts["left_out"].values())
    assert in_words(counts) == (
        "21 rows: 11 used (5 of them without customer), 4 cancelled, 3 returned, 2 no price, 1 no product"
    )


def test_what_is_not_there_is_counted_as_none(spark: SparkSession) -> None:
    nothing = {"cancelled": 0, "returned": 0, "no_price": 0, "no_product": 0}
    for rows, expected in (
        ([], {"total": 0, "used": 0, "without_customer": 0, "left_out": nothing}),
        ([row("C1")], {"total": 1, "used": 0, "without_customer": 0, "left_out": nothing | {"cancelled": 1}}),
    ):
        assert row_counts(judged(table(spark, rows), SETTINGS.product_code)) == expected


def test_the_period_is_from_the_first_line_to_the_last_in_utc(spark: SparkSession) -> None:
    lines = table(spark, [row(hours=hours) for hours in (30.5, 0, 100, 7)])
    assert period(lines) == {"first": "2010-12-01T08:26:00Z", "last": "2010-12-05T12:26:00Z"}
    assert FIRST + timedelta(hours=100) == FIRST.replace(day=5, hour=12)


# --- recommendations: what was sold later must not be learnt from ---


def singles(first: int, count: int) -> list[Row]:
    """Return invoices of one product each, an hour apart."""
    return [
        row(str(number), f"S{number % 20}", hours=number, customer_id=number % 60)
        for number in range(first, first + count)
    ]


def pairs(first: int, count: int, names: int = 1) -> list[Row]:
    """Return invoices of two products each, half an hour for each line."""
    return [
        row(str(number), f"{side}{number % names}", hours=first + (number - first) / 2, customer_id=number % 60)
        for number in range(first, first + count)
        for side in "PQ"
    ]


def test_nothing_that_was_sold_after_the_split_is_learnt_before_it(spark: SparkSession) -> None:
    # For four fifths of the lines one product at a time, then only a pair that nobody had bought before. The last lines
    # before the split are anonymous: it is exact to a line or two.
    about = [line | {"customer_id": None} for line in singles(460, 20)]
    offers, judgements = recommended(table(spark, singles(0, 460) + about + pairs(480, 60)), 0.005)
    assert judgements == {
        "customers": Judgement("popularity", 0.0, 0.0, 60, "als hits in 0.0% of 60 cases, popularity in 0.0%"),
        "products": Judgement("popularity", 0.0, 0.0, 0, "only 0 cases to judge by (50)"),
    }
    assert offers == {"customers": {}, "products": {}, "countries": {}}


def test_what_wins_is_trained_again_on_all_there_is(spark: SparkSession) -> None:
    # Twelve pairs all the time, at the end a thirteenth.
    late = [row(f"late {number}", f"{side}-LATE", hours=900) for number in range(12) for side in "PQ"]
    offers, judgements = recommended(table(spark, pairs(0, 600, 12) + late), 0.005)
    assert (judgements["products"].method, judgements["products"].hit_rate) == ("fpgrowth", 1.0)
    together = {f"{side}{name}" for side in "PQ" for name in (*range(12), "-LATE")}
    assert {code: [offer.code for offer in offered] for code, offered in offers["products"].items()} == {
        code: [("Q" if code[0] == "P" else "P") + code[1:]] for code in together
    }
