"""The web server: predictions of clusters, and images to be resized, answered without a JVM."""

from flask import Flask

from server import (
    documentation,
    entities,
    guards,
    health,
    listing,
    numerals,
    origins,
    pages,
    predictions,
    problems,
    results,
    training,
    uploads,
    watching,
)
from server.catalog import Catalog
from server.counters import Counters
from server.pressure import Limits


def create_app(
    counters: Counters | None = None,
    token: str | None = None,
    hosts: frozenset[str] | None = guards.LOOPBACK_HOSTS,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    allowed_origins: frozenset[str] = frozenset(),
) -> Flask:
    """Put the server together; whoever runs it lets `app.extensions["catalog"]` watch the models, or refresh it."""
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=predictions.MOST_BODY_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.url_map.merge_slashes = False
    # An address is answered with a slash at its end as it is without: nothing is ever redirected.
    app.url_map.strict_slashes = False
    counters = counters or Counters()
    app.extensions["counters"] = counters
    app.extensions["catalog"] = Catalog(counters.count_event)
    app.add_template_global(training.no_model_yet)
    problems.install(app)
    numerals.install(app)
    uploads.install(app, limits)
    for concern in (predictions, listing, entities, health, documentation, pages, uploads, results):
        app.register_blueprint(concern.blueprint)
    guards.install(app, token, hosts)
    origins.install(app, allowed_origins, hosts)
    watching.install(app, counters)
    return app
