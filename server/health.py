"""GET /healthz (the process lives), /readyz (it can predict) and /metrics (Prometheus text)."""

import orjson
from flask import Blueprint, Response, current_app

from server.exposition import text_of
from server.listing import damaged
from server.predictions import RETRY_SECONDS, TRAIN_FIRST
from server.problems import NO_MODEL_YET, Problem

blueprint = Blueprint("health", __name__)
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@blueprint.get("/healthz")
def healthz() -> Response:
    return Response(b'{"status":"ok"}', content_type="application/json")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer which model serves, and which were refused; 503 where none can."""
    snapshot = current_app.extensions["catalog"].snapshot
    if snapshot.champion is None:
        detail = snapshot.trouble or TRAIN_FIRST
        raise Problem(503, detail, NO_MODEL_YET, headers=[("Retry-After", str(RETRY_SECONDS))])
    found = {
        "status": "ready",
        "champion": snapshot.champion.number,
        "trouble": snapshot.trouble,
        "damaged": damaged(snapshot),
    }
    return Response(orjson.dumps(found), content_type="application/json")


@blueprint.get("/metrics")
def metrics() -> Response:
    extensions = current_app.extensions
    waiting = extensions["uploads"].backlog.size()
    text = text_of(extensions["counters"], extensions["catalog"].snapshot, waiting)
    return Response(text, content_type=PROMETHEUS_TEXT)
