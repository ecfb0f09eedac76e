"""The web server: which cluster a customer, a product or a country belongs to, answered without a JVM."""

from flask import Flask

from server import documentation, entities, guards, health, listing, pages, predictions, problems, watching
from server.catalog import Catalog
from server.counters import Counters


def create_app(
    counters: Counters | None = None, token: str | None = None, hosts: frozenset[str] | None = guards.LOOPBACK_HOSTS
) -> Flask:
    """Put the server together; whoever runs it lets `app.extensions["catalog"]` watch the models, or refresh it."""
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=predictions.MOST_BODY_BYTES, PROVIDE_AUTOMATIC_OPTIONS=False)
    app.url_map.merge_slashes = False
    counters = counters or Counters()
    app.extensions["counters"] = counters
    app.extensions["catalog"] = Catalog(counters.count_event)
    problems.install(app)
    for concern in (predictions, listing, entities, health, documentation, pages):
        app.register_blueprint(concern.blueprint)
    guards.install(app, token, hosts)
    watching.install(app, counters)
    return app
