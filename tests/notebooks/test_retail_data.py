"""The retail notebook's numbers of the table, on a few rows."""

import json

import numpy as np
import pytest

from arus import home as arus_home
from notebooks.retail import data, tables


def test_a_row_is_left_out_for_the_first_reason_that_holds(sales: data.Sales) -> None:
    reasons = [None] * 5 + ["cancelled", "returned", "no_price", "no_product"]
    assert sales.rows["left_out"].to_pylist() == reasons
    assert sales.lines["invoice_no"].to_pylist() == ["1", "1", "2", "3", "4"]
    assert sales.lines["revenue"].to_pylist() == [3.0, 4.0, 10.0, 30.0, 2.0]


def test_what_is_a_products_code_and_why_a_line_is_left_out_are_as_the_training_has_them() -> None:
    conf = (arus_home.ROOT / "conf" / "retail_train.conf").read_text().splitlines()
    assert [row.split(maxsplit=1)[1] for row in conf if row.startswith("spark.arus.product-code")] == [
        data.PRODUCT_CODE
    ]
    rules = (arus_home.ROOT / "arus" / "retail_lines.py").read_text()
    assert f"LEFT_OUT = {json.dumps(data.LEFT_OUT)}".replace("[", "(").replace("]", ")") in rules
    assert list(tables.REASONS) == list(data.LEFT_OUT)


def test_the_shape_of_the_table(sales: data.Sales) -> None:
    left_out = {"cancelled": 1, "returned": 1, "no_price": 1, "no_product": 1}
    counts = {"total": 9, "used": 5, "without_customer": 1, "left_out": left_out}
    ends = (np.datetime64("2011-01-03T10:00"), np.datetime64("2011-01-05T23:59"))
    assert data.shape(sales) == (counts, 4, 2, 3, 2, *ends)


def test_sales_over_time_keep_the_biggest_country_apart(sales: data.Sales) -> None:
    found = data.over_time(sales.lines)
    assert found
    assert (found.unit, found.biggest, len(found.edges)) == ("hour", "Japan", 62)
    at = {place: revenue for place, revenue in enumerate(found.revenue.T.tolist()) if any(revenue)}
    assert at == {0: [0, 7], 26: [0, 10], 48: [30, 0], 60: [0, 2]}
    assert np.flatnonzero(found.invoices).tolist() == [0, 26, 48, 60]


@pytest.mark.parametrize(
    ("first", "last", "unit", "edges"),
    [
        ("2011-01-03T10:20", "2011-01-03T10:20", "hour", ["2011-01-03T10", "2011-01-03T11"]),
        ("2011-01-01T10", "2011-01-05T10", "day", [f"2011-01-0{day}" for day in range(1, 7)]),
        # A Wednesday, until a Monday and until the Sunday before it.
        ("2011-01-05", "2011-05-09", "week", ["2011-01-03", "2011-01-10", *["2011-05-09", "2011-05-16"]]),
        ("2011-01-05", "2011-05-08T23", "week", ["2011-01-03", "2011-01-10", *["2011-05-02", "2011-05-09"]]),
        ("2009-01-31", "2012-12-31", "month", ["2009-01", "2009-02", *["2012-12", "2013-01"]]),
    ],
)
def test_steps_begin_where_a_calendars_do(first: str, last: str, unit: str, edges: list[str]) -> None:
    found, steps = data.steps(np.datetime64(first, "us"), np.datetime64(last, "us"))
    ends = np.array(edges, "M8[us]")
    assert found == unit
    assert (steps[:2].tolist(), steps[-2:].tolist()) == (ends[:2].tolist(), ends[-2:].tolist())


def test_countries_by_revenue_with_those_that_have_no_name(sales: data.Sales) -> None:
    assert data.countries(sales.lines) == [("Japan", 30.0, 1, 1), ("EIRE", 17.0, 2, 1), (data.NO_COUNTRY, 2.0, 1, 0)]


def test_recency_counts_from_the_last_line_of_all_and_only_known_customers_are_counted(sales: data.Sales) -> None:
    found = data.customers(sales.lines)
    assert found
    assert found.recency_days.tolist() == [(9.5 + 24) / 24, 0.5]
    assert (found.invoices.tolist(), found.revenue.tolist()) == ([2, 1], [17, 30])
    assert data.bought(sales.lines, "7") == [("10001", 2), ("10002A", 1)]


def test_doubling_steps_count_every_value_once() -> None:
    edges, counts = data.doublings(np.array([0, 0.9, 1, 2, 3.99, 4, 31]))
    assert (edges.tolist(), counts.tolist()) == ([0, 1, 2, 4, 8, 16, 32], [2, 1, 2, 1, 0, 1])
    edges, counts = data.doublings(np.array([5.0, 8.0]))
    assert (edges.tolist(), counts.tolist()) == ([4, 8, 16], [1, 1])


def test_concentration_begins_with_who_brings_the_most() -> None:
    share, of_revenue = data.concentration(np.array([1.0, 6.0, 1.0, 2.0]))
    assert (share.tolist(), of_revenue.tolist()) == ([0, 0.25, 0.5, 0.75, 1], [0, 0.6, 0.8, 0.9, 1])
