"""What `retail.ipynb` says in words and small tables."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from arus import home
from notebooks.retail.data import Sales, Shape, bought, shape
from notebooks.retail.models import Changes, Entities, Facts, Models, example, names
from notebooks.shown import NO_MODEL, NO_SALES, ONE_MODEL, Shown
from notebooks.style import short

TRAIN = "./spark-submit.sh retail_train"
# Why the training leaves a line out, in the words of model.json and in ours.
REASONS = {
    "cancelled": "takes back an earlier line (its invoice number begins with C)",
    "returned": "quantity of 0 or less",
    "no_price": "price of 0 or less",
    "no_product": "postage, bank charges, discounts and the like: the code is no product's",
}
JUDGED = {"customers": "to a customer", "products": "with a product"}
METHODS = {"als": "ALS on baskets", "fpgrowth": "bought together (FPGrowth)", "popularity": "the most popular"}


def summary(sales: Sales, models: Models) -> str:
    """Return what there is to see, a line for the table and one for the models, or how to get it."""
    lines = [_table_said(sales, shape(sales)), *(f"Left out: {error}" for error in models.wrong)]
    shown = models.shown
    if shown is None:
        return "\n".join(
            [*lines, f"No model yet in {home.store()}/models: say `{TRAIN}`, then run this notebook again."]
        )
    numbers = ", ".join(str(number) for number in sorted(models.found))
    which = "the champion" if shown["model_number"] == models.champion else "the newest: there is no champion"
    trained = (
        f"trained {shown['trained_at'].replace('T', ' ').replace('Z', ' UTC')} on version {shown['table']['version']}"
    )
    return "\n".join([*lines, f"Models {numbers}. Looking at model {shown['model_number']}, {which}, {trained}."])


def _table_said(sales: Sales, found: Shape | None) -> str:
    if found is None:
        return f"No retail rows yet in {home.store()}/tables: say `make demo`, then run this notebook again."
    period = f"{_day(found.first)} to {_day(found.last)} UTC"
    return f"{found.counts['total']:,} rows from {period}, version {sales.version} of {home.store()}/tables/retail."


def table_shape(sales: Sales) -> Shown:
    """Return how many invoices, customers, products and countries the lines have that the training uses."""
    found = shape(sales)
    if found is None:
        return NO_SALES
    used, missing = found.counts["used"], found.counts["without_customer"]
    rows = [
        ("lines used", f"{used:,}"),
        ("… of them without customer", f"{missing:,} ({missing / max(used, 1):.1%})"),
        *((name, f"{getattr(found, name):,}") for name in ("invoices", "customers", "products", "countries")),
    ]
    return Shown("The lines that the training would use now", ("what", "number"), rows)


def left_out(sales: Sales, model: Facts | None) -> Shown:
    """Return what is left out and why, of the table as it is now and as the model was trained on."""
    now = shape(sales)
    if now is None:
        return NO_SALES
    then = model["rows"] if model else None
    columns = ["", "why", "rows now", *([f"rows for model {model['model_number']}"] if model else [])]
    counts = [now.counts, *([then] if then else [])]
    rows = [
        (reason.replace("_", " "), why, *(_of_all(each["left_out"].get(reason, 0), each) for each in counts))
        for reason, why in REASONS.items()
    ]
    rows += [("used", "", *(_of_all(each["used"], each) for each in counts))]
    rows += [("all", "", *(f"{each['total']:,}" for each in counts))]
    return Shown("What the training leaves out", columns, rows, text_columns=2)


def moved(models: Models, changed: Mapping[str, Changes]) -> Shown:
    """Return how many entities changed their cluster between the last two models, or why nothing moved yet."""
    if not changed:
        return ONE_MODEL
    before, after = models.last_two
    rows = []
    for view, found in changed.items():
        share = f"{found.changed / found.both:.1%}" if found.both else "–"
        rows.append((view, f"{found.both:,}", f"{found.changed:,}", share, f"{found.new:,}", f"{found.gone:,}"))
    columns = ("view", "in both", "changed cluster", "share", "new", "gone")
    return Shown(f"From model {before} to model {after}, by the typical line", columns, rows)


def flows(models: Models, changed: Mapping[str, Changes], most: int = 10) -> Shown:
    """Return between which clusters the most entities went from the last model but one to the last."""
    if not changed:
        return ONE_MODEL
    before, after = models.last_two
    found = []
    for view, each in changed.items():
        old, new = (names(models.found[number]["views"][view]["line"]) for number in (before, after))
        found += [(number, view, f"{a} {old[a]}", f"{b} {new[b]}") for (a, b), number in each.flows.items()]
    if not found:
        return Shown(f"Every entity kept its cluster from model {before} to model {after}.")
    found.sort(key=lambda row: (-row[0], row[1:]))
    rows = [(*where, f"{number:,}") for number, *where in found[:most]]
    columns = ("view", f"in model {before}", f"in model {after}", "entities")
    return Shown("The most frequent changes", columns, rows, text_columns=3)


def hit_rates(model: Facts | None) -> Shown:
    """Return how well the recommendations did against popularity, and which are served."""
    if model is None:
        return NO_MODEL
    rows = [
        (
            what,
            METHODS.get(each["method"], each["method"]),
            each["why"],
            _rate(each["hit_rate"], each["cases"]),
            _rate(each["popularity_hit_rate"], each["cases"]),
            f"{each['cases']:,}",
        )
        for view, what in JUDGED.items()
        for each in [model["recommendations"][view]]
    ]
    columns = ("recommended", "served", "why", "hit rate at 10", "of the popular", "cases")
    return Shown(f"Recommendations of model {model['model_number']}", columns, rows, text_columns=3)


def example_customer(sales: Sales, model: Facts | None, known: Mapping[str, Entities]) -> Shown:
    """Return what one customer buys, and what the model would offer next."""
    if model is None:
        return NO_MODEL
    name = example(known["customers"])
    if name is None:
        return Shown("The model knows no customer.")
    facts = known["customers"][name]
    profile = ", ".join(f"{feature.replace('_', ' ')} {short(value)}" for feature, value in facts["profile"].items())
    described = {code: product.get("description", "") for code, product in known["products"].items()}
    own = [f"{code} {described.get(code, '')}".strip() for code, _ in bought(sales.lines, name)]
    offers = facts["recommendations"] or model["recommendations"]["popular"]
    offered = [f"{offer['StockCode']} {offer['Description']}".strip() for offer in offers[: max(len(own), 5)]]
    caption = (
        f"Customer {name}: '{facts['cluster_name']}' by the typical line, '{facts['segment_name']}' by the profile"
        f" ({profile})"
    )
    second = "offered next" if facts["recommendations"] else "offered next: the most popular"
    return Shown(caption, ("bought most often", second), _side_by_side(own, offered), text_columns=2)


def _side_by_side(left: Sequence[str], right: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip_longest(left, right, fillvalue=""))


def _of_all(count: int, counts: Mapping[str, Any]) -> str:
    return f"{count:,} ({count / max(counts['total'], 1):.1%})"


def _rate(rate: float, cases: int) -> str:
    return f"{rate:.1%}" if cases else "–"


def _day(moment: np.datetime64) -> str:
    return str(moment.astype("M8[m]")).replace("T", " ")
