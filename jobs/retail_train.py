"""Clusters of customers, products and countries.

Reads one version of `tables/retail`, leaves out (and counts) what says nothing of how people buy, and clusters each
view twice: by its typical line, which a request can tell, and by its profile. Writes the next `models/kmeans_model_N`,
whole or not at all, and makes it the champion where it is at least as good on the same points as the one before.
"""

import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from arus import delta_files, locks, models, recommending
from arus.clustering import Sweep
from arus.delta_files import path_of
from arus.errors import ArusError
from arus.job import Job, start
from arus.listener import BatchListener
from arus.model_writing import next_model, write_entities, write_facts, write_pipelines
from arus.recommending import Judgement, Offers
from arus.retail_lines import LEFT_OUT, PRODUCTS, VIEWS, judged
from arus.retail_model import Clustered, clustered, known, promotion
from arus.settings import Trigger

TABLE = "retail"
# A scheduled training looks so often whether it is due and there are new rows.
LOOK_SECONDS = 2.0
# Numbering the clusters as the last model's tries every assignment.
MOST_CLUSTERS = 8


@dataclass(frozen=True)
class Settings:
    trigger: Trigger
    min_rows: int
    min_lines: int
    k_min: int
    k_max: int
    seeds: int
    product_code: str
    together_support: float


class Steps:
    """Says what is being done, then what came of it and how long it took; `status` hears which step it is."""

    COUNT = 7

    def __init__(self, listener: BatchListener, model: int) -> None:
        self.found = ""
        self._begun = time.monotonic()
        self._listener, self._model, self._number = listener, model, 0

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show a step while the block runs, which leaves in `found` what came of it."""
        self._number += 1
        self._listener.note("training", f"model {self._model}: {what}, step {self._number} of {self.COUNT}")
        print(f"  {self._number} of {self.COUNT}  {what:<18}", end="", flush=True)
        self.found, begun = "", time.monotonic()
        try:
            yield
        finally:
            print(f"{self.found}  ({time.monotonic() - begun:.1f} s)", flush=True)

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._begun, 1)


def row_counts(rows: DataFrame) -> dict[str, Any]:
    """Return how many of the judged rows are used, and how many are left out for which reason."""
    without_customer = F.count_if(F.col("customer_id").isNull())
    counted = rows.groupBy("left_out").agg(F.count("*").alias("total"), without_customer.alias("without_customer"))
    found = {row.left_out: row for row in counted.collect()}
    used = found.get(None)
    return {
        "total": sum(row.total for row in found.values()),
        "used": used.total if used else 0,
        "without_customer": used.without_customer if used else 0,
        "left_out": {reason: found[reason].total if reason in found else 0 for reason in LEFT_OUT},
    }


def in_words(counts: Mapping[str, Any]) -> str:
    left_out = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in counts["left_out"].items())
    used = f"{counts['used']:,} used ({counts['without_customer']:,} of them without customer)"
    return f"{counts['total']:,} rows: {used}, {left_out}"


def period(lines: DataFrame) -> dict[str, str]:
    """Return the moments of the first and the last line, in UTC."""
    moments = [F.date_format(of("invoice_date"), "yyyy-MM-dd'T'HH:mm:ss'Z'") for of in (F.min, F.max)]
    first, last = lines.agg(*moments).collect()[0]
    return {"first": first, "last": last}


def recommended(lines: DataFrame, support: float) -> tuple[dict[str, Offers], dict[str, Judgement]]:
    """Return what to offer for customers and products, and how well that does against the most popular products."""
    moment = F.lit(recommending.split_moment(lines))
    before, after = lines.where(F.col("invoice_date") < moment), lines.where(F.col("invoice_date") >= moment)
    judgements = {
        "customers": recommending.judge_customers(before, after),
        "products": recommending.judge_together(before, after, support),
    }
    offers: dict[str, Offers] = {view.name: {} for view in VIEWS}
    if judgements["customers"].is_served:
        offers["customers"] = recommending.for_customers(lines)
    if judgements["products"].is_served:
        offers["products"] = recommending.together(lines, support)
    return offers, judgements


def clusters_in_words(found: Clustered) -> str:
    return "; ".join(
        f"by {name} k={part.facts['k']}, silhouette {part.facts['silhouette']:.3f}"
        for name, part in found.parts.items()
    )


def train(job: Job, settings: Settings, version: int) -> None:
    """Write the next model, trained on a version of the table; ArusError where that cannot be done."""
    steps = Steps(job.listener, max(models.numbers(), default=0) + 1)
    with steps.step(f"{TABLE} version {version}"):
        table = job.spark.read.format("delta").option("versionAsOf", version).load(path_of(TABLE))
        rows = judged(table, settings.product_code).persist()
        counts = row_counts(rows)
        steps.found = in_words(counts)
    if counts["used"] < settings.min_rows:
        raise ArusError(f"{counts['used']:,} usable rows, spark.arus.min-rows is {settings.min_rows:,}: too few yet")
    lines = rows.where(F.col("left_out").isNull()).drop("left_out")

    views, last = [], models.newest_sound()
    sweep = Sweep(settings.k_min, settings.k_max, settings.seeds)
    for view in VIEWS:
        with steps.step(view.name):
            views.append(clustered(lines, view, sweep, settings.min_lines, last))
            steps.found = clusters_in_words(views[-1])
    with steps.step("recommendations"):
        offers, judgements = recommended(lines, settings.together_support)
        steps.found = "; ".join(each.why for each in judgements.values())
    with steps.step("promotion"):
        decided = promotion(views, models.sound(models.champion()))
        steps.found = decided["why"]

    recommendations = {name: asdict(each) for name, each in judgements.items()}
    facts = {
        "table": {"name": TABLE, "version": version},
        "rows": counts,
        "period": period(lines),
        "views": {each.view.name: each.facts for each in views},
        "recommendations": recommendations | {"popular": recommending.popular(lines)},
        "promotion": decided,
    }
    with steps.step("writing"):
        number = write_model(facts, views, offers, steps)
        if decided["promoted"]:
            models.promote(number)
        steps.found = f"model {number}, {'the new champion' if decided['promoted'] else 'not promoted'}"


def write_model(facts: dict[str, Any], views: Sequence[Clustered], offers: Mapping[str, Offers], steps: Steps) -> int:
    """Write the model's folder, whole or not at all, and return its number."""
    pipelines = {f"{each.view.name}-{name}": part.pipeline for each in views for name, part in each.parts.items()}
    products = next(each.points for each in views if each.view is PRODUCTS)
    descriptions = {row.id: row.description or "" for row in products.select("id", "description").collect()}
    with next_model() as (number, draft):
        write_pipelines(draft, pipelines)
        write_entities(draft, {each.view.name: known(each, offers[each.view.name], descriptions) for each in views})
        now = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        about = {"format": models.FORMAT, "model_number": number, "trained_at": now, "seconds": steps.seconds}
        write_facts(draft, about | facts)
    return number


def refuse_wrong(settings: Settings) -> None:
    """Raise ArusError for settings that no training can be done with."""
    if settings.trigger.is_realtime:
        raise ArusError(
            "settings: spark.arus.trigger must be availableNow or an interval: nothing is trained in Real-time Mode"
        )
    if not 2 <= settings.k_min <= settings.k_max <= MOST_CLUSTERS:
        raise ArusError(f"settings: spark.arus.k-min and spark.arus.k-max must be 2 to {MOST_CLUSTERS}, in order")
    try:
        re.compile(settings.product_code)
    except re.error as error:
        raise ArusError(f"settings: spark.arus.product-code is no regular expression: {error}") from error
    if settings.seeds < 1 or not 0 < settings.together_support < 1:
        raise ArusError("settings: spark.arus.seeds must be at least 1, spark.arus.together-support between 0 and 1")


def waits_for(table: delta_files.Summary, trained: int, min_rows: int, seconds: float) -> str:
    """Return what a scheduled training waits for (`seconds` until it is due), or nothing where it can begin."""
    if table.rows < min_rows:
        return f"rows: the table {TABLE} has {table.rows:,} of the {min_rows:,} that a training needs"
    if table.version == trained:
        return f"new rows in the table {TABLE}: the last model knows all of them"
    return f"the time of the next training, in {seconds:.0f} s" if seconds > 0 else ""


def main() -> None:
    job, settings = start(Settings)
    refuse_wrong(settings)
    locks.hold(job.spark, "models", job.name)
    models.settle()
    due, trained = time.monotonic(), -1
    for _ in job.rounds(settings.trigger, LOOK_SECONDS):
        table = delta_files.summary(TABLE)
        if not settings.trigger.drains and (
            waiting := waits_for(table, trained, settings.min_rows, due - time.monotonic())
        ):
            job.listener.note_waiting(waiting)
            continue
        due = time.monotonic() + settings.trigger.seconds
        try:
            trained = delta_files.opened(TABLE).version()
            train(job, settings, trained)
        except ArusError as error:
            if settings.trigger.drains:
                raise
            print(f"arus: {error}", file=sys.stderr, flush=True)
        finally:
            job.spark.catalog.clearCache()


if __name__ == "__main__":
    main()
