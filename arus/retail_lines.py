"""What the training learns from: invoice lines, cleaned with a count of what is left out, and summed up per entity."""

from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# Why a line says nothing of how somebody buys; the first that holds counts.
LEFT_OUT = ("cancelled", "returned", "no_price", "no_product")


class View(NamedTuple):
    """What is clustered: the column that names an entity, and the features of its profile."""

    name: str
    key: str
    profile: tuple[str, ...]


LINE = ("quantity", "unit_price")
CUSTOMERS = View("customers", "customer_id", ("recency_days", "invoices", "revenue", "lines_per_invoice"))
PRODUCTS = View("products", "stock_code", ("recency_days", "invoices", "revenue", "units_per_invoice"))
COUNTRIES = View("countries", "country", ("invoices", "revenue", "lines_per_invoice", "revenue_per_invoice"))
VIEWS = (CUSTOMERS, PRODUCTS, COUNTRIES)


def judged(rows: DataFrame, product_code: str) -> DataFrame:
    """Return the rows of `tables/retail` with `left_out`: NULL for a line that is used, else one of LEFT_OUT."""
    is_cancelled = F.col("invoice_no").startswith("C")
    left_out = (
        F.when(is_cancelled, "cancelled")
        .when(F.col("quantity") <= 0, "returned")
        .when(F.col("unit_price") <= 0, "no_price")
        .when(~F.col("stock_code").rlike(f"^(?:{product_code})$"), "no_product")
    )
    kept = (
        "invoice_no",
        "stock_code",
        "description",
        "quantity",
        "invoice_date",
        "unit_price",
        "customer_id",
        "country",
    )
    return rows.select(*kept, left_out.alias("left_out"))


def entities(lines: DataFrame, view: View) -> DataFrame:
    """Return a row for each entity: its typical line, and recency, frequency, money and basket of its invoices.

    quantity and unit_price are geometric means (of 1 + value), so that one big order does not make a wholesaler.
    recency_days counts from the last invoice of all, not from today: the same table gives the same figures.
    """
    last = lines.agg(F.max("invoice_date").alias("last_of_all"))
    per_invoice = (
        lines.where(F.col(view.key).isNotNull())
        .groupBy(F.col(view.key).cast("string").alias("id"), "invoice_no")
        .agg(
            F.count("*").alias("lines"),
            F.sum("quantity").alias("units"),
            F.sum(F.col("quantity") * F.col("unit_price")).alias("revenue"),
            F.sum(F.log1p("quantity")).alias("log_quantity"),
            F.sum(F.log1p("unit_price")).alias("log_price"),
            F.max("invoice_date").alias("last"),
            F.max("description").alias("description"),
        )
    )
    per_entity = per_invoice.groupBy("id").agg(
        F.count("*").alias("invoices"),
        F.sum("lines").alias("lines"),
        F.sum("units").alias("units"),
        F.sum("revenue").alias("revenue"),
        F.sum("log_quantity").alias("log_quantity"),
        F.sum("log_price").alias("log_price"),
        F.max("last").alias("last"),
        F.max("description").alias("description"),
    )
    return per_entity.crossJoin(F.broadcast(last)).select(
        "id",
        "lines",
        F.round(F.expm1(F.col("log_quantity") / F.col("lines")), 6).alias("quantity"),
        F.round(F.expm1(F.col("log_price") / F.col("lines")), 6).alias("unit_price"),
        F.round(days_between("last", "last_of_all"), 2).alias("recency_days"),
        F.col("invoices").cast("double").alias("invoices"),
        F.round("revenue", 2).alias("revenue"),
        per("lines", "invoices"),
        per("units", "invoices"),
        per("revenue", "invoices"),
        "description",
    )


def days_between(earlier: str, later: str) -> Column:
    return (F.unix_timestamp(later) - F.unix_timestamp(earlier)) / F.lit(86_400)


def per(amount: str, of: str) -> Column:
    """Return the amount for each of the others, as `<amount>_per_<singular>`."""
    return F.round(F.col(amount) / F.col(of), 4).alias(f"{amount}_per_{of.removesuffix('s')}")
