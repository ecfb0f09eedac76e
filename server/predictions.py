"""POST /cluster-customer, -product, -country: which cluster a request, or each of a list of them, belongs to."""

import json
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from server.catalog import Catalog, Snapshot
from server.encoding import coding_of, decoded
from server.fields import (
    CLUSTER,
    CLUSTER_NAME,
    KINDS,
    MODEL_NUMBER,
    QUANTITY,
    UNIT_PRICE,
    Kind,
)
from server.nearest import cluster_of, clusters_of
from server.negotiation import JSON
from server.problems import INVALID_FIELDS, MODEL_NOT_FOUND, NO_MODEL_YET, Problem
from server.trained import Model
from server.training import no_model_yet
from server.validation import Invalid, understood

blueprint = Blueprint("predictions", __name__)
# Of any body: 10,000 requests in a list take 1 MB.
MOST_BODY_BYTES = 4 * 1024 * 1024
RETRY_SECONDS = 10
# Of 64 bits, whatever its digits and its sign.
DIGITS_OF_INT = 18


def predict(kind: Kind) -> Response:
    catalog: Catalog = current_app.extensions["catalog"]
    answered = answer(catalog, kind, body(request.environ))
    return Response(orjson.dumps(answered), content_type=JSON)


for _kind in KINDS:
    blueprint.add_url_rule(_kind.path, _kind.name, partial(predict, _kind), methods=["POST"])


def body(environ: Mapping[str, Any]) -> Any:
    """Return what the body's JSON says; where a name occurs twice, its last value counts."""
    if environ.get("CONTENT_TYPE") != JSON and request.mimetype != JSON:
        raise Problem(415, f"send the header Content-Type: {JSON}")
    sent = _sent(environ)
    if coding := coding_of(environ):
        sent = decoded(sent, coding, MOST_BODY_BYTES)
    try:
        return orjson.loads(sent)
    except orjson.JSONDecodeError as error:
        return _with_infinite(sent, str(error))


def _sent(environ: Mapping[str, Any]) -> bytes:
    """Return the body; read as Flask does, but in a tenth of its time where the length is given and not too large."""
    found: bytes
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and len(length) < 8 and int(length) <= MOST_BODY_BYTES:
        found = environ["wsgi.input"].read(int(length))
        return found
    found = request.get_data(cache=False)
    # Werkzeug ends a chunked body at its limit without a word.
    if len(found) >= MOST_BODY_BYTES:
        raise RequestEntityTooLarge
    return found


def _with_infinite(sent: bytes, why: str) -> Any:
    """Return what a body says that is JSON but for NaN or a number beyond all others.

    A field that is needed can then be named; elsewhere, as in a row of pandas, it does not matter.
    """
    infinite: list[float] = []

    def number(text: str) -> float:
        found = float(text)
        if not math.isfinite(found):
            infinite.append(found)
        return found

    def whole_number(text: str) -> float:
        return int(text) if len(text) <= DIGITS_OF_INT else number(text)

    try:
        found = json.loads(sent.decode(), parse_int=whole_number, parse_float=number, parse_constant=number)
        # Half of a surrogate pair, which Python lets pass, no answer could hold.
        orjson.dumps(found)
    except (ValueError, TypeError, RecursionError):
        infinite.clear()
    if not infinite:
        raise Problem(400, f"the body is not JSON: {why}")
    return found


def answer(catalog: Catalog, kind: Kind, asked: Any) -> Any:
    """Return each request as it was understood, with its cluster; Problem where one cannot be."""
    try:
        asked = understood(kind, asked)
    except Invalid as error:
        raise Problem(422, error.detail, INVALID_FIELDS, "The request is not valid", error.errors) from error
    if type(asked) is list:
        return _answers(catalog, kind, asked)
    number = _number(asked)
    model = model_of(catalog.snapshot_with(() if number is None else (number,)), number)
    cluster = cluster_of(model.lines[kind.view], asked[QUANTITY], asked[UNIT_PRICE])
    return _completed(asked, cluster, model.names[kind.view], model)


def _number(row: Mapping[str, Any]) -> int | None:
    given = row.get(MODEL_NUMBER)
    return None if given is None else int(given)


def _answers(catalog: Catalog, kind: Kind, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows, each with its cluster, all from one snapshot."""
    numbers = [_number(row) for row in rows]
    snapshot = catalog.snapshot_with({number for number in numbers if number is not None})
    found = {number: _model_of_row(snapshot, number, numbers.index(number)) for number in set(numbers)}
    if len(found) == 1:
        model = found[numbers[0]]
        quantities, prices = [row[QUANTITY] for row in rows], [row[UNIT_PRICE] for row in rows]
        clusters = clusters_of(model.lines[kind.view], quantities, prices)
        names = model.names[kind.view]
        answered = zip(rows, clusters, strict=True)
        return [_completed(row, cluster, names, model) for row, cluster in answered]
    answers = []
    for row, number in zip(rows, numbers, strict=True):
        model = found[number]
        cluster = cluster_of(model.lines[kind.view], row[QUANTITY], row[UNIT_PRICE])
        answers.append(_completed(row, cluster, model.names[kind.view], model))
    return answers


def _model_of_row(snapshot: Snapshot, number: int | None, index: int) -> Model:
    try:
        return model_of(snapshot, number)
    except Problem as problem:
        problem.errors = [{"index": index, **error} for error in problem.errors]
        raise


def _completed(
    row: dict[str, Any],
    cluster: int,
    names: Mapping[int, str],
    model: Model,
) -> dict[str, Any]:
    """Return a request with its cluster and that one's name, and with the champion's number.

    The last only where the request named no model.
    """
    if MODEL_NUMBER not in row:
        row = {MODEL_NUMBER: str(model.number), **row}
    elif row[MODEL_NUMBER] is None:
        row[MODEL_NUMBER] = str(model.number)
    row[CLUSTER] = cluster
    row[CLUSTER_NAME] = names[cluster]
    return row


def model_of(snapshot: Snapshot, number: int | None) -> Model:
    """Return the model of a number, or the champion; Problem where it is not there."""
    model = snapshot.champion if number is None else snapshot.models.get(number)
    if model is not None:
        return model
    if number is None:
        raise Problem(503, no_model_yet(), NO_MODEL_YET, headers=[("Retry-After", str(RETRY_SECONDS))])
    if number in snapshot.damaged:
        detail = f"model not found: model {number} is damaged ({snapshot.damaged[number]})"
    else:
        detail = f"model not found: there is no model {number}; {_there(snapshot)}"
    errors = [{"field": MODEL_NUMBER, "detail": detail}]
    raise Problem(404, detail, MODEL_NOT_FOUND, "Model not found", errors)


def _there(snapshot: Snapshot) -> str:
    numbers = sorted(snapshot.models)
    if not numbers:
        return no_model_yet()
    shown = ", ".join(str(number) for number in numbers[-20:])
    return f"there are {'... ' if len(numbers) > 20 else ''}{shown}"
