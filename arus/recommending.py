"""What to offer next: products bought together (FP-growth), products for a customer (ALS); judged against popularity.

Each is judged on a split by time: trained on what was sold before a moment, tried on what was sold after it. The hit
rate is the share of cases in which at least one of ten offers was then bought. Only what beats the ten most popular
products is offered.
"""

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NamedTuple

from pyspark.ml.feature import StringIndexer
from pyspark.ml.fpm import FPGrowth
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

OFFERS = 10
POPULARITY = "popularity"
TRAINED_SHARE = 0.8
# Fewer cases than this say nothing of which is better.
FEWEST_CASES = 50
# Two products on fewer invoices than this are together by chance. And were one or two enough, FP-growth would count
# every subset of a long basket, of which there are 2 to the power of its length.
FEWEST_TOGETHER = 10
# Blocks of work, for a driver with few cores.
BLOCKS = 2
# ALS for implicit feedback (Hu, Koren, Volinsky 2008): factors, rounds, regularisation, weight of a purchase.
RANK, ROUNDS, REGULARISATION, PURCHASE_WEIGHT = 12, 8, 0.1, 20.0


class Offer(NamedTuple):
    code: str
    score: float


Offers = dict[str, list[Offer]]


@dataclass(frozen=True)
class Judgement:
    """How well a method did against popularity, and which is served."""

    method: str
    hit_rate: float
    popularity_hit_rate: float
    cases: int
    why: str

    @property
    def is_served(self) -> bool:
        return self.method != POPULARITY


def judgement(method: str, hits: float, popular_hits: float, cases: int) -> Judgement:
    """Return which of the two is served: the method only where it had enough cases and more hits."""
    if cases < FEWEST_CASES:
        return Judgement(POPULARITY, hits, popular_hits, cases, f"only {cases} cases to judge by ({FEWEST_CASES})")
    wins = hits > popular_hits
    why = f"{method} hits in {hits:.1%} of {cases:,} cases, popularity in {popular_hits:.1%}"
    return Judgement(method if wins else POPULARITY, hits, popular_hits, cases, why)


def popular(lines: DataFrame) -> list[dict[str, Any]]:
    """Return the products on the most invoices."""
    counted = lines.groupBy("stock_code").agg(
        F.countDistinct("invoice_no").alias("invoices"), F.max("description").alias("description")
    )
    rows = counted.orderBy(F.desc("invoices"), "stock_code").limit(OFFERS).collect()
    return [
        {"StockCode": row.stock_code, "Description": row.description or "", "invoices": row.invoices} for row in rows
    ]


def split_moment(lines: DataFrame) -> datetime:
    """Return the moment before which TRAINED_SHARE of the lines were sold."""
    seconds = lines.select(F.unix_timestamp("invoice_date").alias("seconds"))
    moment = seconds.approxQuantile("seconds", [TRAINED_SHARE], 0.001)[0]
    return datetime.fromtimestamp(moment, timezone.utc)


# --- products for a customer ---


def for_customers(lines: DataFrame) -> Offers:
    """Return ten products for each customer, by ALS on how many invoices of theirs each product was on."""
    bought = (
        lines.where(F.col("customer_id").isNotNull())
        .groupBy("customer_id", "stock_code")
        .agg(F.countDistinct("invoice_no").cast("float").alias("invoices"))
    )
    if bought.isEmpty():  # ALS fails on nothing.
        return {}
    indexer = StringIndexer(inputCol="stock_code", outputCol="product").fit(bought)
    als = ALS(
        userCol="customer_id",
        itemCol="product",
        ratingCol="invoices",
        implicitPrefs=True,
        seed=1,
        numUserBlocks=BLOCKS,
        numItemBlocks=BLOCKS,
        rank=RANK,
        maxIter=ROUNDS,
        regParam=REGULARISATION,
        alpha=PURCHASE_WEIGHT,
    )
    model = als.fit(indexer.transform(bought).withColumn("product", F.col("product").cast("int")))
    labels = list(indexer.labels)  # Once: each look at them fetches them all from the JVM.
    rows = model.recommendForAllUsers(OFFERS).collect()
    return {
        str(row.customer_id): [
            Offer(labels[each.product], round(float(each.rating), 4)) for each in row.recommendations
        ]
        for row in rows
    }


def judge_customers(before: DataFrame, after: DataFrame) -> Judgement:
    """Return how many customers later bought one of the ten products they were offered."""
    later = (
        after.where(F.col("customer_id").isNotNull())
        .groupBy(F.col("customer_id").cast("string").alias("id"))
        .agg(F.collect_set("stock_code").alias("codes"))
    )
    offers = for_customers(before)
    hits = popular_hits = cases = 0
    favourites = {each["StockCode"] for each in popular(before)}
    for row in later.toLocalIterator():
        if row.id in offers:
            cases += 1
            hits += any(offer.code in row.codes for offer in offers[row.id])
            popular_hits += any(code in favourites for code in row.codes)
    return judgement("als", hits / max(cases, 1), popular_hits / max(cases, 1), cases)


# --- products bought together ---


def together(lines: DataFrame, support: float) -> Offers:
    """Return up to ten products for each product that is bought with others often enough, the likeliest first."""
    baskets = lines.groupBy("invoice_no").agg(F.collect_set("stock_code").alias("items"))
    count = baskets.count()
    if count < FEWEST_TOGETHER:
        return {}
    # Half an invoice less: FP-growth rounds the share times the count up.
    support = max(support, (FEWEST_TOGETHER - 0.5) / count)
    model = FPGrowth(itemsCol="items", minSupport=support, minConfidence=0.0, numPartitions=BLOCKS).fit(baskets)
    pairs = model.associationRules.where(F.size("antecedent") == 1).select(
        F.col("antecedent")[0].alias("code"), F.col("consequent")[0].alias("other"), "confidence"
    )
    first = Window.partitionBy("code").orderBy(F.desc("confidence"), "other")
    rows = pairs.withColumn("place", F.row_number().over(first)).where(F.col("place") <= OFFERS).collect()
    offers: Offers = {}
    for row in sorted(rows, key=lambda row: (row.code, row.place)):
        offers.setdefault(row.code, []).append(Offer(row.other, round(float(row.confidence), 4)))
    return offers


def judge_together(before: DataFrame, after: DataFrame, support: float) -> Judgement:
    """Return in how many later baskets one of the products offered with another was there too.

    The other is the product of the basket that comes first by a hash: any of them, the same at each training.
    """
    offers = together(before, support)
    favourites = [each["StockCode"] for each in popular(before)]
    baskets = after.groupBy("invoice_no").agg(F.collect_set("stock_code").alias("items")).where(F.size("items") > 1)
    asked = baskets.select("items", F.array_sort(F.transform("items", lambda code: F.struct(F.hash(code), code)))[0])
    hits = popular_hits = cases = 0
    for items, query in asked.toLocalIterator():
        code = query[1]
        if code in offers:
            cases += 1
            rest = set(items) - {code}
            hits += any(offer.code in rest for offer in offers[code])
            popular_hits += any(other in rest for other in favourites)
    return judgement("fpgrowth", hits / max(cases, 1), popular_hits / max(cases, 1), cases)
