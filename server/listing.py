"""GET /models and /models/N: what there is to predict with, what it was trained on and how good it is."""

from functools import partial
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, render_template

from server.catalog import Snapshot
from server.fields import KINDS, is_model_number
from server.negotiation import negotiated
from server.predictions import model_of
from server.problems import MODEL_NOT_FOUND, Problem
from server.validation import quoted

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
def models() -> Response:
    """Answer with what `overview` finds; a browser gets a page."""
    found = overview(current_app.extensions["catalog"].snapshot)
    page = partial(render_template, "models.html", overview=found, kinds=KINDS)
    return negotiated(page, orjson.dumps(found))


@blueprint.get("/models/<number>")
def model(number: str) -> Response:
    """Answer with all of model.json, and with whether it is the champion; a browser gets a page."""
    if not is_model_number(number):
        raise Problem(
            404, f"model not found: {quoted(number)} is no model's number", MODEL_NOT_FOUND, "Model not found"
        )
    snapshot = current_app.extensions["catalog"].snapshot_with({int(number)})
    found = model_of(snapshot, int(number))
    details = orjson.loads(found.details) | {"champion": is_champion(snapshot, found.number)}
    page = partial(render_template, "model.html", one=details, kinds=KINDS)
    return negotiated(page, orjson.dumps(details))


def overview(snapshot: Snapshot) -> dict[str, Any]:
    """Return the champion's number, a summary of each model, newest first, and the damaged ones with the reason."""
    return {
        "champion": snapshot.champion.number if snapshot.champion else None,
        "models": [
            {**snapshot.models[number].summary, "champion": is_champion(snapshot, number)}
            for number in sorted(snapshot.models, reverse=True)
        ],
        "damaged": damaged(snapshot),
    }


def damaged(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [{"model_number": number, "reason": snapshot.damaged[number]} for number in sorted(snapshot.damaged)]


def is_champion(snapshot: Snapshot, number: int) -> bool:
    return snapshot.champion is not None and snapshot.champion.number == number
