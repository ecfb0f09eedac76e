"""The JSON Schemas of what the server answers, for OpenAPI."""

from typing import Any

from arus.models import VIEWS
from server.fields import CLUSTER, CLUSTER_NAME, MODEL_NUMBER, Kind

Schema = dict[str, Any]
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MODEL: Schema = {"type": "integer", "minimum": 1}
STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}


def record(fields: Schema, optional: Schema | None = None, *, may_grow: bool = False) -> Schema:
    """Return an object's schema: all of `fields` are there; more than is named only where it may grow."""
    return {
        "type": "object",
        "properties": fields | (optional or {}),
        "required": list(fields),
        "additionalProperties": may_grow,
    }


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def prediction(kind: Kind) -> Schema:
    """Return the schema of an answer: the request's fields, the model's number, the cluster."""
    fields = {field.name: dict(field.schema) for field in kind.fields}
    fields[MODEL_NUMBER] = {"anyOf": fields[MODEL_NUMBER]["anyOf"][:2]}
    fields[CLUSTER] = {**COUNT, "description": "keeps its meaning from model to model"}
    fields[CLUSTER_NAME] = {**STRING, "description": "what the model calls it"}
    return record(fields) | {"examples": [kind.example | kind.example_answer]}


_DAMAGED = array(record({"model_number": MODEL, "reason": STRING}))
_SUMMARY = record(
    {
        "model_number": MODEL,
        "trained_at": STRING,
        "rows": COUNT,
        "table_version": COUNT,
        "promoted": BOOLEAN,
        "why": STRING,
        "views": record({view: record({"k": COUNT, "silhouette": NUMBER}) for view in VIEWS}),
        "champion": BOOLEAN,
    }
)
_CLUSTER = record(
    {
        "cluster": COUNT,
        "name": STRING,
        "size": COUNT,
        "centroid": array(NUMBER),
        "typical": {"type": "object", "additionalProperties": nullable(NUMBER)},
    },
    may_grow=True,
)
_CLUSTERING = record(
    {
        "features": array(STRING),
        "mean": array(NUMBER),
        "std": array(NUMBER),
        "k": COUNT,
        "silhouette": NUMBER,
        "clusters": array(_CLUSTER),
    },
    may_grow=True,
)
_VIEW = record({"line": ref("Clustering")}, {"entities": COUNT, "profile": ref("Clustering")}, may_grow=True)
_DETAILS = record(
    {
        "model_number": MODEL,
        "champion": BOOLEAN,
        "trained_at": STRING,
        "table": record({"version": COUNT}, may_grow=True),
        "rows": record({"used": COUNT}, may_grow=True),
        "views": record(dict.fromkeys(VIEWS, ref("View"))),
        "promotion": record({"promoted": BOOLEAN, "why": STRING}, may_grow=True),
    },
    may_grow=True,
)
_RECOMMENDATION = record({"StockCode": STRING}, {"Description": nullable(STRING), "score": NUMBER}, may_grow=True)
_FACTS: Schema = {
    "cluster": nullable(COUNT),
    "cluster_name": nullable(STRING),
    "segment": nullable(COUNT),
    "segment_name": nullable(STRING),
    "profile": {"type": "object", "additionalProperties": nullable(NUMBER)},
}
_READY = record({"status": {"const": "ready"}, "champion": MODEL, "trouble": nullable(STRING), "damaged": _DAMAGED})
_ERROR = record(
    {"field": STRING, "detail": STRING},
    {
        "index": {**COUNT, "description": "of the list, or of the files; the first is 0"},
        "filename": STRING,
        "reason": {**STRING, "description": "why an image is refused, as a code"},
    },
)
_PROBLEM = record(
    {
        "type": {"type": "string", "format": "uri-reference"},
        "title": STRING,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": STRING,
        "instance": {"type": "string", "format": "uri-reference"},
    },
    {"errors": array(_ERROR)},
)


def entity(kind: Kind) -> Schema:
    """Return the schema of what is known of one customer, product or country."""
    optional = {"description": nullable(STRING), "recommendations": array(ref("Recommendation"))}
    return record({"model_number": MODEL, kind.id.name: STRING, **_FACTS}, optional, may_grow=True)


NAMED: dict[str, Schema] = {
    "Models": record({"champion": nullable(MODEL), "models": array(_SUMMARY), "damaged": _DAMAGED}),
    "Model": _DETAILS,
    "View": _VIEW,
    "Clustering": _CLUSTERING,
    "Recommendation": _RECOMMENDATION,
    "Ready": _READY,
    "Healthy": record({"status": {"const": "ok"}}),
    "Problem": _PROBLEM,
}
