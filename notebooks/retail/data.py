"""The retail table in figures: read by `deltalake`, without Spark. Revenue is quantity times unit price.

Moments are of numpy's datetime64, UTC. What the training leaves out is left out here too, by the same rules.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from notebooks import stored

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Moments = NDArray[np.datetime64]

TABLE = "retail"
COLUMNS = {
    "invoice_no": pa.string(),
    "stock_code": pa.string(),
    "quantity": pa.int32(),
    "invoice_date": pa.timestamp("us", "UTC"),
    "unit_price": pa.float64(),
    "customer_id": pa.int32(),
    "country": pa.string(),
}
# As conf/retail_train.conf has it.
PRODUCT_CODE = "[0-9]{5}[A-Za-z]{0,3}"
# Why a line says nothing of how somebody buys; the first that holds counts. As arus/retail_lines.py has them.
LEFT_OUT = ("cancelled", "returned", "no_price", "no_product")
NO_COUNTRY = "(none)"
# The longest period, in days, of which hours, days and weeks are shown; of a longer one it is months.
MOST_DAYS = {"hour": 3, "day": 120, "week": 1100}


class Sales(NamedTuple):
    """The table's version (None: no table), all its rows with `revenue` and `left_out`, and those that are used."""

    version: int | None
    rows: pa.Table
    lines: pa.Table


class Shape(NamedTuple):
    """How many rows there are, with what is used of them, and between which moments."""

    counts: dict[str, Any]
    invoices: int
    customers: int
    products: int
    countries: int
    first: np.datetime64
    last: np.datetime64


class OverTime(NamedTuple):
    """Sales by steps of time: revenue[0] is that of the country `biggest`, revenue[1] that of all others."""

    unit: str
    edges: Moments
    biggest: str
    revenue: Floats
    invoices: Integers


class Country(NamedTuple):
    name: str
    revenue: float
    invoices: int
    customers: int


class Customers(NamedTuple):
    """Recency (days before the last invoice of all), frequency (invoices) and money (revenue) of each customer."""

    recency_days: Floats
    invoices: Floats
    revenue: Floats


def open_sales() -> Sales:
    """Return the table as it is now; ArusError if it is broken."""
    table = stored.table(TABLE)
    if table is None:
        rows = judged(pa.schema(list(COLUMNS.items())).empty_table())
        return Sales(None, rows, rows)
    rows = judged(table.to_pyarrow_dataset().to_table(list(COLUMNS)))
    return Sales(table.version(), rows, rows.filter(pc.field("left_out").is_null()))


def judged(rows: pa.Table) -> pa.Table:
    """Return the rows with their revenue, and why the training leaves one out, None for a line that it uses."""
    left_out = pc.case_when(
        pc.make_struct(
            pc.starts_with(rows["invoice_no"], "C"),
            pc.less_equal(rows["quantity"], 0),
            pc.less_equal(rows["unit_price"], 0),
            pc.invert(pc.match_substring_regex(rows["stock_code"], f"^(?:{PRODUCT_CODE})$")),
        ),
        *map(pa.scalar, LEFT_OUT),
    )
    revenue = pc.multiply(rows["quantity"].cast(pa.float64()), rows["unit_price"])
    return rows.append_column("revenue", revenue).append_column("left_out", left_out)


def shape(sales: Sales) -> Shape | None:
    """Return the table's shape, None of an empty one; `counts` has the form of `rows` in model.json."""
    if not sales.rows.num_rows:
        return None
    reasons = {pair["values"]: pair["counts"] for pair in pc.value_counts(sales.rows["left_out"]).to_pylist()}
    counts = {
        "total": sales.rows.num_rows,
        "used": sales.lines.num_rows,
        "without_customer": sales.lines["customer_id"].null_count,
        "left_out": {reason: reasons.get(reason, 0) for reason in LEFT_OUT},
    }
    ends = pc.min_max(sales.rows["invoice_date"])
    distinct = ("invoice_no", "customer_id", "stock_code", "country")
    numbers = [pc.count_distinct(sales.lines[name]).as_py() for name in distinct]
    return Shape(counts, *numbers, *(_moments(pa.array([ends[end]]))[0] for end in ("min", "max")))


def over_time(lines: pa.Table) -> OverTime | None:
    """Return the sales by hour, day, week or month, as suits the period; None where there are none."""
    if not lines.num_rows:
        return None
    moments, revenue = _moments(lines["invoice_date"]), lines["revenue"].to_numpy()
    unit, edges = steps(moments.min(), moments.max())
    biggest = countries(lines)[0].name
    is_biggest = pc.equal(lines["country"].fill_null(NO_COUNTRY), biggest).to_numpy()
    place = np.searchsorted(edges, moments, side="right") - 1
    shares = [np.bincount(place[which], revenue[which], len(edges) - 1) for which in (is_biggest, ~is_biggest)]
    begun = _moments(lines.group_by("invoice_no").aggregate([("invoice_date", "min")])["invoice_date_min"])
    invoices = np.bincount(np.searchsorted(edges, begun, side="right") - 1, minlength=len(edges) - 1)
    return OverTime(unit, edges, biggest, np.array(shares), invoices)


def steps(first: np.datetime64, last: np.datetime64) -> tuple[str, Moments]:
    """Return a unit of time and the edges of its steps, the last one after the last moment; weeks begin on Monday."""
    days = (last - first) / np.timedelta64(1, "D")
    unit = next((unit for unit, most in MOST_DAYS.items() if days <= most), "month")
    code = {"hour": "h", "day": "D", "week": "D", "month": "M"}[unit]
    begin, step = first.astype(f"M8[{code}]"), 7 if unit == "week" else 1
    if unit == "week":
        begin -= (begin.astype(np.int64) + 3) % 7
    return unit, np.arange(begin, last.astype(f"M8[{code}]") + step + 1, step).astype("M8[us]")


def countries(lines: pa.Table) -> list[Country]:
    """Return the countries, the one with the most revenue first."""
    named = lines.set_column(lines.schema.get_field_index("country"), "country", lines["country"].fill_null(NO_COUNTRY))
    sums = named.group_by("country").aggregate(
        [("revenue", "sum"), ("invoice_no", "count_distinct"), ("customer_id", "count_distinct")]
    )
    rows = zip(*(sums[name].to_pylist() for name in _sum_names("country")), strict=True)
    return sorted((Country(*row) for row in rows), key=lambda country: (-country.revenue, country.name))


def customers(lines: pa.Table) -> Customers | None:
    """Return recency, frequency and money of each customer, by number; None where there is none."""
    known = lines.filter(pc.field("customer_id").is_valid())
    if not known.num_rows:
        return None
    sums = (
        known.group_by("customer_id")
        .aggregate([("invoice_date", "max"), ("invoice_no", "count_distinct"), ("revenue", "sum")])
        .sort_by("customer_id")
    )
    ago = _moments(lines["invoice_date"]).max() - _moments(sums["invoice_date_max"])
    invoices = sums["invoice_no_count_distinct"].to_numpy().astype(float)
    return Customers(ago / np.timedelta64(1, "D"), invoices, sums["revenue_sum"].to_numpy())


def doublings(values: Floats) -> tuple[Floats, Integers]:
    """Return the edges 0, 1, 2, 4, 8, ... about the values, without empty steps at the ends, and a count for each."""
    places = np.where(values < 1, 0, np.floor(np.log2(np.maximum(values, 1))).astype(int) + 1)
    edges = np.concatenate([[0.0], 2.0 ** np.arange(places.max() + 1)])
    counts = np.bincount(places).astype(np.int64)
    return edges[places.min() :], counts[places.min() :]


def concentration(revenue: Floats) -> tuple[Floats, Floats]:
    """Return the share of the customers, those with the most revenue first, and their share of the revenue."""
    sums = np.concatenate([[0.0], np.cumsum(np.sort(revenue)[::-1])])
    return np.linspace(0, 1, len(sums)), sums / sums[-1]


def bought(lines: pa.Table, customer: str, most: int = 5) -> list[tuple[str, int]]:
    """Return the stock codes that a customer has on the most invoices, and on how many."""
    own = lines.filter(pc.field("customer_id") == int(customer))
    counts = own.group_by("stock_code").aggregate([("invoice_no", "count_distinct")])
    order = [("invoice_no_count_distinct", "descending"), ("stock_code", "ascending")]
    first = counts.sort_by(order).slice(0, most)
    return list(zip(first["stock_code"].to_pylist(), first["invoice_no_count_distinct"].to_pylist(), strict=True))


def _sum_names(key: str) -> tuple[str, ...]:
    return (key, "revenue_sum", "invoice_no_count_distinct", "customer_id_count_distinct")


def _moments(column: Any) -> Moments:
    moments: Moments = column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    return moments.astype("M8[us]")
