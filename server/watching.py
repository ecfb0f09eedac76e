"""Around every request: how long it took and how it ended is counted, and headers that browsers heed are added."""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from flask import Flask

from server.counters import UNMATCHED, Counters
from server.guards import HEADERS

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def install(app: Flask, counters: Counters) -> None:
    """Wrap the application; all routes must be there already."""
    counters.name_routes(sorted({rule.rule for rule in app.url_map.iter_rules()}))
    app.wsgi_app = watched(app.wsgi_app, counters)  # type: ignore[method-assign, assignment]


def watched(application: Application, counters: Counters) -> Application:
    """Return the application, watched; the time is that until the answer is ready to be sent."""

    def answered(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *failed: Any) -> Any:
            # What is answered before Flask has no rule.
            rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
            route = rule.rule if rule is not None else UNMATCHED
            counters.count_request(route, environ["REQUEST_METHOD"], status[:3], perf_counter() - began)
            return start_response(status, headers + HEADERS, *failed)

        return application(environ, start)

    return answered
