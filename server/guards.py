"""Who may ask: by a Host of this machine where the server listens on loopback, with the token where there is one.

The first keeps a page of another site, whose name was made to point to 127.0.0.1 (DNS rebinding), from reading answers.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask

from server.problems import Problem, answer

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
# For whoever watches whether the process lives: it tells nothing.
OPEN_PATHS = frozenset({"/healthz"})
CHALLENGES = (("WWW-Authenticate", 'Bearer realm="arus"'), ("WWW-Authenticate", 'Basic realm="arus"'))
HEADERS = [
    (
        "Content-Security-Policy",
        "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]


def install(app: Flask, token: str | None, hosts: frozenset[str] | None) -> None:
    """Refuse a request by another Host than `hosts` (None: any will do), and one without the token if there is one."""
    inner = app.wsgi_app

    def guarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        problem = refusal(environ, token, hosts)
        if problem is None:
            return inner(environ, start_response)
        with app.request_context(environ):
            return answer(problem)(environ, start_response)

    app.wsgi_app = guarded  # type: ignore[method-assign]


def refusal(environ: Mapping[str, Any], token: str | None, hosts: frozenset[str] | None) -> Problem | None:
    """Return why a request is not to be answered, or None where it is."""
    if hosts is not None and name_of(environ.get("HTTP_HOST", "")) not in hosts:
        return Problem(421, f"this server answers to {', '.join(sorted(hosts))} only, as the Host of a request")
    if token is None or environ["PATH_INFO"] in OPEN_PATHS:
        return None
    if is_allowed(environ.get("HTTP_AUTHORIZATION", ""), token):
        return None
    return Problem(401, "send the header Authorization: Bearer TOKEN", headers=CHALLENGES)


def is_cross_site(environ: Mapping[str, Any]) -> bool:
    """Return whether a browser sends this for a page of another site; what is no browser says nothing of it."""
    fetch_site = environ.get("HTTP_SEC_FETCH_SITE")
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    origin = environ.get("HTTP_ORIGIN")
    return origin is not None and _host_of(origin) != environ.get("HTTP_HOST", "").lower()


def _host_of(origin: str) -> str:
    """Return host and port of an Origin header; one that is no address (such as null) has none that a Host could be."""
    return origin.lower().partition("://")[2] or origin + "/"


def name_of(host: str) -> str:
    """Return a Host header without its port."""
    name, colon, port = host.rpartition(":")
    return name.lower() if colon and port.isdecimal() else host.lower()


def is_allowed(authorization: str, token: str) -> bool:
    """Compare in constant time; a browser sends the token as a password (Basic), with any user."""
    scheme, _, credentials = authorization.partition(" ")
    given = credentials.strip().encode("latin-1", "replace")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given, token.encode())
