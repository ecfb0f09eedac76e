"""One route for people and programs: a page where a browser asks, data for everybody else."""

from collections.abc import Callable

from flask import Response, request

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"


def wants_page() -> bool:
    """Return whether a person is asking: browsers say that they like text/html best."""
    accepted = request.accept_mimetypes
    return accepted.quality("text/html") > accepted.quality(PROBLEM_JSON)


def negotiated(
    page: Callable[[], str],
    data: bytes | str,
    content_type: str = JSON,
    status: int = 200,
) -> Response:
    """Answer with the page or with the data; caches are told that it depends on who asks."""
    if wants_page():
        response = Response(page(), status, mimetype="text/html")
    else:
        response = Response(data, status, content_type=content_type)
    response.headers.add("Vary", "Accept")
    return response
