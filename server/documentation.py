"""GET /openapi.json, and /docs: the same as a page to read."""

import orjson
from flask import Blueprint, Response, render_template

from server.openapi import OPENAPI

blueprint = Blueprint("documentation", __name__)
_JSON = orjson.dumps(OPENAPI)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    return Response(_JSON, content_type="application/json")


@blueprint.get("/docs")
def docs() -> str:
    return render_template("docs.html", api=OPENAPI, pretty=_pretty)


def _pretty(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
