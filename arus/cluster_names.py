"""Names for clusters, from how their centroids differ from the average: `frequent, small baskets`."""

from collections import defaultdict
from collections.abc import Sequence

# What a feature well below and well above the average is called.
WORDS = {
    "quantity": ("small quantities", "large quantities"),
    "unit_price": ("low prices", "high prices"),
    "recency_days": ("recent", "lapsed"),
    "invoices": ("rare", "frequent"),
    "revenue": ("little revenue", "much revenue"),
    "lines_per_invoice": ("small baskets", "large baskets"),
    "units_per_invoice": ("few at a time", "many at a time"),
    "revenue_per_invoice": ("small invoices", "large invoices"),
}
# Standard deviations from the mean, from which on a feature is worth a word.
WORTH_A_WORD = 0.5
MOST_WORDS = 3


def named(centroids: Sequence[Sequence[float]], features: Sequence[str]) -> list[str]:
    """Return a name for each scaled centroid, no name twice."""
    names = [_words(centroid, features) for centroid in centroids]
    alike = defaultdict(list)
    for place, name in enumerate(names):
        alike[name].append(place)
    for name, places in alike.items():
        if len(places) > 1:
            for place, suffix in _told_apart([centroids[place] for place in places], features).items():
                names[places[place]] = f"{name}, {suffix}"
    return names


def _words(centroid: Sequence[float], features: Sequence[str]) -> str:
    """Return the words of the features that differ most, in the order of the features."""
    by_size = sorted(range(len(features)), key=lambda place: -abs(centroid[place]))
    telling = sorted(place for place in by_size[:MOST_WORDS] if abs(centroid[place]) >= WORTH_A_WORD)
    return ", ".join(WORDS[features[place]][centroid[place] > 0] for place in telling) or "average"


def _told_apart(centroids: Sequence[Sequence[float]], features: Sequence[str]) -> dict[int, str]:
    """Return what tells centroids of the same name apart: where each stands in the feature that differs most."""
    spreads = [max(values) - min(values) for values in zip(*centroids, strict=True)]
    widest = spreads.index(max(spreads))
    order = sorted(range(len(centroids)), key=lambda place: centroids[place][widest])
    what = features[widest].replace("_", " ")
    if len(order) == 2:
        return {order[0]: f"lower {what}", order[1]: f"higher {what}"}
    return {place: f"{what} {rank} of {len(order)}" for rank, place in enumerate(order, 1)}
