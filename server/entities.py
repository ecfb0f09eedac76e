"""GET /customers/ID, /products/CODE, /countries/NAME: what the champion knows of one of them."""

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, render_template

from server.catalog import Catalog, Snapshot
from server.fields import KINDS, PRODUCT, Kind
from server.negotiation import negotiated
from server.predictions import model_of
from server.problems import Problem

blueprint = Blueprint("entities", __name__)
LONGEST_QUOTE = 80


def entity(kind: Kind, name: str) -> Response:
    """Answer with cluster, segment, profile and recommendations; a browser gets a page."""
    catalog: Catalog = current_app.extensions["catalog"]
    # The one slash that any address may end with; one more is the name's own.
    name = name.removesuffix("/")
    snapshot = catalog.snapshot
    model = model_of(snapshot, None)
    facts = known(snapshot, kind, name)
    if facts is None:
        quoted = repr(name[:LONGEST_QUOTE])
        raise Problem(404, f"model {model.number} knows no {kind.name} {quoted}: it was not in what it was trained on")
    found = {"model_number": model.number, kind.id.name: name, **facts}

    def page() -> str:
        context = {"kind": kind, "name": name, "facts": facts, "linked": linked(snapshot, facts)}
        return render_template("entity.html", model_number=model.number, **context)

    return negotiated(page, orjson.dumps(found))


def linked(snapshot: Snapshot, facts: Mapping[str, Any]) -> set[str]:
    """Return the recommended products of which something is known."""
    codes = [each["StockCode"] for each in facts.get("recommendations", [])]
    return {code for code in codes if known(snapshot, PRODUCT, code) is not None}


def known(snapshot: Snapshot, kind: Kind, name: str) -> dict[str, Any] | None:
    """Return what the champion knows of one of them, or None; Problem where that cannot be read."""
    if snapshot.champion is None or snapshot.facts is None:
        return None
    try:
        return snapshot.facts.of(kind.view, name)
    except (sqlite3.Error, ValueError) as error:
        number = snapshot.champion.number
        raise Problem(503, f"the entities of model {number} cannot be read: {error}") from error


for _kind in KINDS:
    # path: a name may hold a slash.
    blueprint.add_url_rule(f"/{_kind.view}/<path:name>", _kind.name, partial(entity, _kind))
