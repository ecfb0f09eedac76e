import random

import pytest
from pyspark.sql import SparkSession
from pyspark.testing import assertDataFrameEqual

from arus import home, settings
from arus.retail_lines import COUNTRIES, CUSTOMERS, LEFT_OUT, LINE, PRODUCTS, VIEWS, View, entities, judged
from tests.arus.retail_rows import Row, row, table

PRODUCT_CODE = "[0-9]{5}[A-Za-z]{0,3}"
LINES = [
    row("1", "A", hours=0, quantity=1, unit_price=7.0, customer_id=1, country="Malta"),
    row("1", "B", hours=0, quantity=3, unit_price=1.0, customer_id=1, country="Malta"),
    row("2", "A", hours=24, quantity=7, unit_price=3.0, customer_id=1, country="Malta"),
    row("3", "B", hours=84, quantity=15, unit_price=0.5, customer_id=None, country="Spain", description=None),
    row("4", "B", hours=60, quantity=1, unit_price=2.25, customer_id=2, country=None, description="B, NEW"),
]
COLUMNS = (
    "id string, lines bigint, quantity double, unit_price double, recency_days double, invoices double, "
    "revenue double, lines_per_invoice double, units_per_invoice double, revenue_per_invoice double, description string"
)


def reasons(spark: SparkSession, rows: list[Row], product_code: str = PRODUCT_CODE) -> list[str | None]:
    return [line.left_out for line in judged(table(spark, rows), product_code).collect()]


def test_each_line_that_says_nothing_of_how_people_buy_has_a_reason(spark: SparkSession) -> None:
    cases: list[tuple[Row, str | None]] = [
        (row(), None),
        (row(customer_id=None, description=None, country=None), None),
        (row("C536379"), "cancelled"),
        (row("A563185"), None),
        (row(quantity=0), "returned"),
        (row(quantity=-1), "returned"),
        (row(unit_price=0.0), "no_price"),
        (row(unit_price=-11062.06), "no_price"),
        (row(unit_price=0.001), None),
        (row(code="POST"), "no_product"),
    ]
    assert reasons(spark, [line for line, _ in cases]) == [reason for _, reason in cases]


def test_the_first_reason_that_holds_is_the_one_that_counts(spark: SparkSession) -> None:
    faults: list[Row] = [{"invoice_no": "C1"}, {"quantity": -1}, {"unit_price": 0.0}, {"stock_code": "POST"}]
    rows = []
    for first in range(len(faults)):
        line = row()
        for fault in faults[first:]:
            line |= fault
        rows.append(line)
    assert reasons(spark, rows) == list(LEFT_OUT)


def test_charges_postage_and_discounts_are_no_products(spark: SparkSession) -> None:
    charges = [
        "POST",
        "DOT",
        "M",
        "m",
        "D",
        "S",
        "C2",
        "B",
        "CRUK",
        "BANK CHARGES",
        "AMAZONFEE",
        "PADS",
        "gift_0001_20",
    ]
    others = ["1234", "123456", "85123ABCD", "x85123A", "85123A ", "85123-A"]
    products = ["85123", "85123A", "85123a", "15056BL", "79323GR", "10002abc"]
    found = reasons(spark, [row(code=code) for code in charges + others + products])
    assert found == ["no_product"] * (len(charges) + len(others)) + [None] * len(products)


def test_what_a_product_is_called_is_a_setting(spark: SparkSession) -> None:
    rows = [row(code=code) for code in ("85123A", "POST", "AX-1", "BX-1", "AX-1-BX-1")]
    assert reasons(spark, rows, "AX-1|BX-1") == ["no_product", "no_product", None, None, "no_product"]


def test_the_shipped_setting_is_the_one_tested_here() -> None:
    conf = (home.ROOT / "conf" / "retail_train.conf").read_text().splitlines()
    shipped = dict(line.split(None, 1) for line in conf if line.startswith(settings.PREFIX))
    assert shipped["spark.arus.product-code"] == PRODUCT_CODE


def test_what_is_left_of_a_row_is_what_the_training_looks_at(spark: SparkSession) -> None:
    line = row("536365", "85123A")
    kept = ("invoice_no", "stock_code", "description", "quantity", "invoice_date", "unit_price", "customer_id")
    found = judged(table(spark, [line]), PRODUCT_CODE)
    expected = table(spark, [line]).select(*kept, "country").selectExpr("*", "cast(NULL AS string) AS left_out")
    assertDataFrameEqual(found, expected)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (
            CUSTOMERS,
            [
                # (2 * 4 * 8) ** (1/3) - 1 and (8 * 2 * 4) ** (1/3) - 1
                ("1", 3, 3.0, 3.0, 2.5, 2.0, 31.0, 1.5, 5.5, 15.5, "B IN WORDS"),
                ("2", 1, 1.0, 2.25, 1.0, 1.0, 2.25, 1.0, 1.0, 2.25, "B, NEW"),
            ],
        ),
        (
            PRODUCTS,
            [
                # (2 * 8) ** (1/2) - 1 and (8 * 4) ** (1/2) - 1
                ("A", 2, 3.0, 4.656854, 2.5, 2.0, 28.0, 1.0, 4.0, 14.0, "A IN WORDS"),
                # (4 * 16 * 2) ** (1/3) - 1 and (2 * 1.5 * 3.25) ** (1/3) - 1
                ("B", 3, 4.039684, 1.136329, 0.0, 3.0, 12.75, 1.0, 6.3333, 4.25, "B, NEW"),
            ],
        ),
        (
            COUNTRIES,
            [
                ("Malta", 3, 3.0, 3.0, 2.5, 2.0, 31.0, 1.5, 5.5, 15.5, "B IN WORDS"),
                ("Spain", 1, 15.0, 0.5, 0.0, 1.0, 7.5, 1.0, 15.0, 7.5, None),
            ],
        ),
    ],
)
def test_an_entity_is_summed_up_as_by_hand(spark: SparkSession, view: View, expected: list[tuple[object, ...]]) -> None:
    found = entities(table(spark, LINES), view)
    assertDataFrameEqual(found.orderBy("id"), spark.createDataFrame(expected, COLUMNS))


def test_the_last_invoice_of_all_may_be_one_without_customer(spark: SparkSession) -> None:
    rows = [row("1", hours=0, customer_id=1), row("2", hours=12, customer_id=None)]
    assert [(line.id, line.recency_days) for line in entities(table(spark, rows), CUSTOMERS).collect()] == [("1", 0.5)]


def test_one_big_order_does_not_make_a_wholesaler(spark: SparkSession) -> None:
    rows = [row(str(number), quantity=3) for number in range(9)] + [row("9", quantity=9_999)]
    (found,) = entities(table(spark, rows), CUSTOMERS).collect()
    # (4 ** 9 * 10000) ** (1/10) - 1, where the mean is 1002.6
    assert found.quantity == 7.746897


def test_the_order_of_the_rows_does_not_matter(spark: SparkSession) -> None:
    rng = random.Random(3)
    rows = [
        row(str(number // 3), quantity=rng.randint(1, 99), unit_price=rng.randint(1, 999) / 100, customer_id=number % 7)
        for number in range(200)
    ]
    shuffled = rng.sample(rows, len(rows))
    assertDataFrameEqual(
        entities(table(spark, rows), CUSTOMERS), entities(table(spark, shuffled), CUSTOMERS), rtol=0.0, atol=0.0
    )


def test_every_view_finds_its_features_among_the_figures(spark: SparkSession) -> None:
    figures = set(entities(table(spark, []), CUSTOMERS).columns)
    assert [view.name for view in VIEWS] == ["customers", "products", "countries"]
    assert all({*LINE, *view.profile} <= figures for view in VIEWS)
