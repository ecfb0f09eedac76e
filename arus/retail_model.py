"""What a retail model is made of: two clusterings a view, what is known of each entity, whether it is the best yet."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from arus.clustering import Clustering, Sweep, cluster, silhouette_with
from arus.model_writing import Known
from arus.recommending import Offers
from arus.retail_lines import LINE, PRODUCTS, View, entities

Model = Mapping[str, Any]


@dataclass(frozen=True)
class Clustered:
    """A view's entities, and their clusterings: `line` by what a request can tell, `profile` by all their invoices.

    `telling` are the entities with enough lines to be learnt from; every one of `points` gets its clusters.
    """

    view: View
    points: DataFrame
    telling: DataFrame
    parts: Mapping[str, Clustering]

    @property
    def facts(self) -> dict[str, Any]:
        """Return what model.json says of the view."""
        return {"entities": self.points.count()} | {name: part.facts for name, part in self.parts.items()}


def clustered(lines: DataFrame, view: View, sweep: Sweep, min_lines: int, last: Model | None) -> Clustered:
    """Return a view's clusterings, learnt from the entities with so many lines, numbered as those of the last model."""
    # The plan is cut off here: each of a hundred k-means would analyse it anew.
    points = entities(lines, view).coalesce(1).localCheckpoint()
    of_last = last["views"][view.name] if last else {}
    features = {"line": LINE, "profile": view.profile}
    telling = points.where(F.col("lines") >= min_lines)
    parts = {
        part: cluster(telling, features[part], sweep, f"{view.name} by {part}", of_last.get(part)) for part in features
    }
    return Clustered(view, points, telling, parts)


def known(found: Clustered, offers: Offers, descriptions: Mapping[str, str]) -> list[Known]:
    """Return each entity with its clusters, its profile, and what to offer next, as the server answers it."""
    line, profile = found.parts["line"], found.parts["profile"]
    columns = list(dict.fromkeys([*LINE, *found.view.profile]))
    by_line = line.pipeline.transform(found.points).select("id", *columns, F.col("cluster").alias("by_line"))
    rows = profile.pipeline.transform(by_line).select("id", "by_line", F.col("cluster").alias("by_profile"), *columns)
    answers = []
    for row in rows.toArrow().to_pylist():
        facts = {
            "cluster": row["by_line"],
            "cluster_name": line.names[row["by_line"]],
            "segment": row["by_profile"],
            "segment_name": profile.names[row["by_profile"]],
            "profile": {column: row[column] for column in columns},
            "recommendations": [
                {"StockCode": offer.code, "Description": descriptions.get(offer.code, ""), "score": offer.score}
                for offer in offers.get(row["id"], [])
            ],
        }
        if found.view is PRODUCTS:
            facts["description"] = descriptions.get(row["id"], "")
        answers.append((row["id"], facts))
    return answers


def promotion(views: Sequence[Clustered], champion: Model | None) -> dict[str, Any]:
    """Return whether a new model becomes the champion, and why: by the mean silhouette of both on the same points."""
    score = statistics.fmean(part.facts["silhouette"] for found in views for part in found.parts.values())
    if champion is None:
        return {
            "promoted": True,
            "score": score,
            "champion": None,
            "champion_score": None,
            "why": "the first sound model",
        }
    theirs = statistics.fmean(
        silhouette_with(champion["views"][found.view.name][name], found.telling, part)
        for found in views
        for name, part in found.parts.items()
    )
    number, is_better = champion["model_number"], score >= theirs
    why = f"mean silhouette {score:.3f}; model {number} has {theirs:.3f} on the same points"
    return {"promoted": is_better, "score": score, "champion": number, "champion_score": theirs, "why": why}
