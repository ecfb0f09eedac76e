"""GET /openapi.json, and /docs: the same as a page to read."""

import shlex

import orjson
from flask import Blueprint, Response, current_app, render_template

from server.catalog import Catalog
from server.examples import examples
from server.openapi import OPENAPI

blueprint = Blueprint("documentation", __name__)
_JSON = orjson.dumps(OPENAPI)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    return Response(_JSON, content_type="application/json")


@blueprint.get("/docs")
def docs() -> str:
    """Show the description; its examples are those that this server's champion answers."""
    catalog: Catalog = current_app.extensions["catalog"]
    found = examples(catalog)
    champion = catalog.snapshot.champion
    # What stands for a parameter in an address, by operation.
    values = {name: str(example.id) for name, example in found.items()}
    values["model"] = str(champion.number if champion else 1)
    context = {"api": OPENAPI, "examples": found, "values": values}
    return render_template("docs.html", pretty=_pretty, quote=shlex.quote, **context)


def _pretty(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
