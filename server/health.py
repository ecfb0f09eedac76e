"""GET /healthz (the process lives), /readyz (it can predict) and /metrics (Prometheus text)."""

from functools import partial

import orjson
from flask import Blueprint, Response, current_app, render_template

from server import resizer
from server.catalog import Snapshot
from server.exposition import text_of
from server.listing import damaged
from server.negotiation import negotiated
from server.predictions import RETRY_SECONDS
from server.problems import NO_MODEL_YET, Problem, answer
from server.training import no_model_yet

blueprint = Blueprint("health", __name__)
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@blueprint.get("/healthz")
def healthz() -> Response:
    return Response(b'{"status":"ok"}', content_type="application/json")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer which model serves and which were refused, 503 where none can; or with a page."""
    snapshot = current_app.extensions["catalog"].snapshot
    page = partial(_state, snapshot)
    if snapshot.champion is None:
        retry = [("Retry-After", str(RETRY_SECONDS))]
        detail = snapshot.trouble or no_model_yet()
        return answer(Problem(503, detail, NO_MODEL_YET, headers=retry), page)
    found = {
        "status": "ready",
        "champion": snapshot.champion.number,
        "trouble": snapshot.trouble,
        "damaged": damaged(snapshot),
    }
    return negotiated(page, orjson.dumps(found))


def _state(snapshot: Snapshot) -> str:
    return render_template(
        "ready.html",
        champion=snapshot.champion,
        trouble=snapshot.trouble,
        broken=damaged(snapshot),
        waiting=current_app.extensions["uploads"].backlog.size()[0],
        stalled=resizer.stalled(),
    )


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with Prometheus text; a browser gets it in a page."""
    extensions = current_app.extensions
    waiting = extensions["uploads"].backlog.size()
    text = text_of(extensions["counters"], extensions["catalog"].snapshot, waiting)
    return negotiated(partial(render_template, "metrics.html", text=text), text, PROMETHEUS_TEXT)
