"""Pages of other servers that may ask from a browser (CORS): those that are named, by default none."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from arus.errors import ArusError
from server.guards import refusal

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]+)?")
# Browsers leave them out.
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
PREFLIGHT = [
    ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Encoding, Content-Type"),
    ("Access-Control-Max-Age", "600"),
]


def origins_in(text: str) -> frozenset[str]:
    """Return the origins of a list with commas, as browsers write them; raise ArusError."""
    named = (each.strip().lower().removesuffix("/") for each in text.split(","))
    return frozenset(_origin(each) for each in named if each)


def _origin(named: str) -> str:
    try:
        is_one = _ORIGIN.fullmatch(named) is not None and urlsplit(named).port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise ArusError(
            f"ARUS_SERVER_ORIGINS: {named[:80]!r} is no origin such as https://example.org or "
            "http://localhost:3000: name each one, separated by commas"
        )
    return named.removesuffix(_DEFAULT_PORTS.get(named.partition("://")[0], "/"))


def install(app: Flask, origins: frozenset[str], hosts: frozenset[str] | None) -> None:
    """Let pages of these origins read the answers, and answer what their browsers ask before."""
    app.config["ORIGINS"] = origins
    if origins:
        app.wsgi_app = _shared(app.wsgi_app, origins, hosts)  # type: ignore[method-assign]


def _shared(
    inner: Callable[..., Iterable[bytes]], origins: frozenset[str], hosts: frozenset[str] | None
) -> Callable[..., Iterable[bytes]]:
    def answered(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN", "")
        is_allowed = origin in origins
        shown = [("Vary", "Origin")]
        if is_allowed:
            # A page elsewhere sees only these headers of an answer besides a few usual ones.
            exposed = ("Access-Control-Expose-Headers", "Retry-After")
            shown += [("Access-Control-Allow-Origin", origin), exposed]

        def start(status: str, headers: list[tuple[str, str]], *failed: Any) -> Any:
            return start_response(status, headers + shown, *failed)

        # It never has the token, but must come by the right name.
        is_preflight = environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        if is_allowed and is_preflight and refusal(environ, None, hosts) is None:
            start("204 No Content", PREFLIGHT)
            return []
        return inner(environ, start)

    return answered
