"""GET /: a page to try a prediction by form, without JavaScript, and the models that there are."""

import shlex
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, render_template, request

from server.catalog import Catalog
from server.entities import known
from server.examples import example_id
from server.fields import (
    CUSTOMER,
    KINDS,
    MODEL_NUMBER,
    QUANTITY,
    UNIT_PRICE,
    Kind,
    number_of,
)
from server.listing import overview
from server.predictions import answer
from server.problems import Problem

blueprint = Blueprint("pages", __name__)
FORM = {"kind": CUSTOMER.name, "id": "", "quantity": "10", "unit_price": "5.0", "model_number": ""}
# What the form calls the fields of a request.
INPUTS = {MODEL_NUMBER: "model_number", QUANTITY: "quantity", UNIT_PRICE: "unit_price"}


@blueprint.get("/")
def home() -> Response:
    """Show the form; where it was filled in, also the answer, or what is wrong beside each field."""
    catalog: Catalog = current_app.extensions["catalog"]
    given = {name: request.args.get(name, "") for name in FORM}
    tried = {kind.name: str(example_id(catalog.snapshot, kind)) for kind in KINDS}
    form = given if any(given.values()) else FORM | {"id": tried[CUSTOMER.name]}
    context: dict[str, Any] = {"form": form, "tried": tried, "errors": {}, "answer": None}
    status = 200
    if any(given.values()):
        kind = next((kind for kind in KINDS if kind.name == given["kind"]), KINDS[0])
        try:
            context |= _answered(catalog, kind, asked_by(kind, given))
        except Problem as problem:
            status = problem.status
            context |= {"errors": _by_input(problem), "problem": problem}
    page = render_template("home.html", kinds=KINDS, overview=overview(catalog.snapshot), **context)
    return Response(page, status, mimetype="text/html")


def asked_by(kind: Kind, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the request that a form stands for; what is no number stays text, for the validation to name it."""
    asked: dict[str, Any] = {MODEL_NUMBER: given["model_number"].strip()} if given["model_number"].strip() else {}
    name = given["id"].strip()
    asked[kind.id.name] = kind.id.convert(name)
    return asked | {QUANTITY: number_of(given["quantity"]), UNIT_PRICE: number_of(given["unit_price"])}


def _answered(catalog: Catalog, kind: Kind, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of an answer: its cluster's name, and the same call by curl."""
    found = answer(catalog, kind, dict(asked))
    sent = shlex.quote(orjson.dumps(asked).decode())
    return {
        "answer": found,
        "kind": kind,
        "is_known": known(catalog.snapshot, kind, str(found[kind.id.name])) is not None,
        "curl": f"curl {request.host_url}{kind.path[1:]} -H 'Content-Type: application/json' -d {sent}",
        "json": orjson.dumps(found, option=orjson.OPT_INDENT_2).decode(),
    }


def _by_input(problem: Problem) -> dict[str, str]:
    return {INPUTS.get(error["field"], "id"): error["detail"] for error in problem.errors}
