"""Every error as RFC 9457 problem+json, or as a page where a browser asks; always with what to do about it."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from server.negotiation import PROBLEM_JSON, negotiated

LOG = logging.getLogger("arus.server")
LONGEST_INSTANCE = 200

# The `type` of a problem that programs may want to tell from others; about:blank says no more than the status.
INVALID_FIELDS = "/docs#invalid-fields"
MODEL_NOT_FOUND = "/docs#model-not-found"
NO_MODEL_YET = "/docs#no-model-yet"
IMAGES_REFUSED = "/docs#images-refused"
NOT_READY = "/docs#not-ready"
BLANK = "about:blank"


class Problem(Exception):  # noqa: N818
    """An answer that is an error, raised from anywhere in a request."""

    def __init__(
        self,
        status: int,
        detail: str,
        kind: str = BLANK,
        title: str | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.kind = status, detail, kind
        self.title = title or HTTPStatus(status).phrase
        self.errors = list(errors)
        self.headers = list(headers)


def document(problem: Problem, instance: str) -> dict[str, Any]:
    """Return the members of a problem; `instance` is the path that was asked for."""
    found: dict[str, Any] = {
        "type": problem.kind,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": reference(instance),
    }
    return found | ({"errors": problem.errors} if problem.errors else {})


def reference(path: str) -> str:
    """Return a path as a URI reference, cut where it is long, but not within an escaped byte."""
    return re.sub("%.?$", "", quote(path)[:LONGEST_INSTANCE])


def answer(problem: Problem, page: Callable[[], str] | None = None) -> Response:
    """Return a problem as an answer; `page` shows it to people where it is no plain error."""
    found = document(problem, request.path)
    page = page or partial(render_template, "error.html", problem=found)
    response = negotiated(page, orjson.dumps(found), PROBLEM_JSON, problem.status)
    for name, value in problem.headers:
        response.headers.add(name, value)
    return response


def install(app: Flask) -> None:
    """Answer with problems, whatever is raised."""
    app.register_error_handler(Problem, answer)
    app.register_error_handler(HTTPException, _of_flask)
    app.register_error_handler(Exception, _unexpected)


def _of_flask(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response(request.environ)  # type: ignore[return-value]
    headers = [(name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")]
    return answer(Problem(error.code, _detail(error, headers), headers=headers))


def _detail(error: HTTPException, headers: Sequence[tuple[str, str]]) -> str:
    if error.code == HTTPStatus.NOT_FOUND:
        return "there is nothing here; /docs lists what there is"
    if error.code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{request.method[:20]} is not possible here, but {dict(headers).get('Allow', 'nothing')} is"
    return error.description or HTTPStatus(error.code or 500).phrase


def _unexpected(error: Exception) -> Response:
    LOG.error("%s %s failed", request.method, reference(request.path), exc_info=error)
    return answer(Problem(500, "the server failed; its log says why"))
