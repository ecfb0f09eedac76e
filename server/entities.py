"""GET /customers/ID, /products/CODE, /countries/NAME: what the champion knows of one of them."""

import sqlite3
from functools import partial

import orjson
from flask import Blueprint, Response, current_app

from server.catalog import Catalog
from server.fields import KINDS, Kind
from server.predictions import model_of
from server.problems import Problem

blueprint = Blueprint("entities", __name__)
LONGEST_QUOTE = 80


def entity(kind: Kind, name: str) -> Response:
    """Answer with cluster, segment, profile and recommendations."""
    catalog: Catalog = current_app.extensions["catalog"]
    # The one slash that any address may end with; one more is the name's own.
    name = name.removesuffix("/")
    snapshot = catalog.snapshot
    model = model_of(snapshot, None)
    try:
        facts = snapshot.facts.of(kind.view, name) if snapshot.facts else None
    except (sqlite3.Error, ValueError) as error:
        raise Problem(503, f"the entities of model {model.number} cannot be read: {error}") from error
    if facts is None:
        quoted = repr(name[:LONGEST_QUOTE])
        raise Problem(404, f"model {model.number} knows no {kind.name} {quoted}: it was not in what it was trained on")
    found = {"model_number": model.number, kind.id.name: name, **facts}
    return Response(orjson.dumps(found), content_type="application/json")


for _kind in KINDS:
    # path: a name may hold a slash.
    blueprint.add_url_rule(f"/{_kind.view}/<path:name>", _kind.name, partial(entity, _kind))
