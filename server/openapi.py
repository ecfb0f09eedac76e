"""The OpenAPI 3.1 description of the server, made from the table of fields."""

from typing import Any

from server import answers, openapi_images
from server.answers import Schema, ref
from server.fields import KINDS, Kind
from server.negotiation import JSON
from server.openapi_parts import PAGE, all_responses, described, link, of_type
from server.validation import MOST_ROWS


def _prediction(kind: Kind) -> Schema:
    request = ref(f"{kind.name.title()}Request")
    answer = ref(f"{kind.name.title()}Answer")
    many = {"type": "array", "items": request, "minItems": 1, "maxItems": MOST_ROWS}
    example = kind.example
    answered = example | kind.example_answer
    return {
        "operationId": f"cluster_{kind.name}",
        "tags": ["predictions"],
        "summary": f"The cluster that a {kind.name} belongs to, by quantity and price",
        "description": (
            "Takes one request, or a list of them: all are answered, in order, or none is. "
            "A whole row of the data set will do: columns that are not needed are passed over. "
            "The body may be gzip (Content-Encoding: gzip)."
        ),
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {"anyOf": [request, many]},
                    "examples": {"one": {"value": example}, "many": {"value": [example, example]}},
                }
            },
        },
        "responses": all_responses(
            described(
                "The fields, `cluster` and `cluster_name`; the champion's number if none came.",
                {
                    JSON: {
                        "schema": {"anyOf": [answer, answers.array(answer)]},
                        "examples": {"one": {"value": answered}, "many": {"value": [answered, answered]}},
                    }
                },
            )
            | {"links": {"known": link(kind.name, "name", f"$response.body#/{kind.id.name}")}},
            *("404", "413", "415", "422", "503"),
        ),
    }


def _entity(kind: Kind) -> Schema:
    parameter = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "example": str(kind.id.example),
    }
    known = of_type(ref(kind.name.title())) | PAGE
    return {
        "operationId": kind.name,
        "tags": ["entities"],
        "summary": f"What the champion knows of a {kind.name}: cluster, segment, profile, recommendations",
        "parameters": [parameter],
        "responses": all_responses(described("What is known.", known), "404", "503"),
    }


def _get(name: str, tag: str, summary: str, content: Schema, *statuses: str) -> Schema:
    responses = all_responses(described("The answer.", content), *statuses, guarded=name != "healthz")
    found: Schema = {"operationId": name, "tags": [tag], "summary": summary, "responses": responses}
    return found if name != "healthz" else found | {"security": []}


def _try_parameters() -> list[Schema]:
    names = ("kind", "id", "quantity", "unit_price", "model_number")
    return [{"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in names]


def _number_parameter() -> Schema:
    return {"name": "number", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}, "example": 1}


def _paths() -> Schema:
    ready = of_type(ref("Ready")) | PAGE
    metrics = of_type({"type": "string"}, "text/plain") | PAGE
    summary = "What a model was trained on, how good it is, its clusters"
    one_model = _get("model", "models", summary, of_type(ref("Model")) | PAGE)
    models = _get("models", "models", "The models, newest first", of_type(ref("Models")) | PAGE)
    models["responses"]["200"]["links"] = {"champion": link("model", "number", "$response.body#/champion")}
    home = _get("home", "pages", "A page to try a prediction by form", PAGE, "404", "422", "503")
    return {
        **{kind.path: {"post": _prediction(kind)} for kind in KINDS},
        "/models": {"get": models},
        "/models/{number}": {
            "get": one_model
            | {"parameters": [_number_parameter()], "responses": all_responses(one_model["responses"]["200"], "404")}
        },
        **{f"/{kind.view}/{{name}}": {"get": _entity(kind)} for kind in KINDS},
        **openapi_images.PATHS,
        "/healthz": {"get": _get("healthz", "health", "The process lives", of_type(ref("Healthy")))},
        "/readyz": {"get": _get("readyz", "health", "A model can answer", ready, "503")},
        "/metrics": {"get": _get("metrics", "health", "Prometheus text", metrics)},
        "/openapi.json": {"get": _get("openapi", "pages", "This description", of_type({"type": "object"}))},
        "/docs": {"get": _get("docs", "pages", "This description as a page", PAGE)},
        "/": {"get": home | {"parameters": _try_parameters()}},
    }


def _schemas() -> Schema:
    schemas = answers.NAMED | openapi_images.SCHEMAS
    for kind in KINDS:
        schemas[f"{kind.name.title()}Request"] = _request(kind)
        schemas[f"{kind.name.title()}Answer"] = answers.prediction(kind)
        schemas[kind.name.title()] = answers.entity(kind)
    return schemas


def _request(kind: Kind) -> Schema:
    """Return the schema of a request: each field by one of its names, and any other columns."""
    properties: Schema = {}
    names: dict[str, list[str]] = {field.name: [] for field in kind.fields}
    for name, field in kind.names.items():
        properties[name] = {**field.sent_schema, "description": field.rule} if field else {}
        if field:
            names[field.name].append(name)
            if name != field.name:
                properties[name]["description"] = f"{field.name} in Online Retail II"
    _, *required = kind.fields
    return {
        "type": "object",
        "properties": properties,
        "required": [field.name for field in required if len(names[field.name]) == 1],
        "allOf": [
            {"oneOf": [{"required": [name]} for name in names[field.name]]}
            for field in required
            if len(names[field.name]) > 1
        ],
        "additionalProperties": False,
        "examples": [kind.example],
    }


OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Arus",
        "version": "0.1.0",
        "description": (
            "Which cluster a customer, product or country belongs to, by k-means models trained in Spark; "
            "and pictures, resized in a stream."
        ),
    },
    "servers": [{"url": "/"}],
    "security": [{}, {"bearer": []}, {"basic": []}],
    "paths": _paths(),
    "components": {
        "schemas": _schemas(),
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic", "description": "Any user; the token is the password."},
        },
    },
}
