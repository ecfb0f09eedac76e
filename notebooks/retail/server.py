"""A live question to the server, from `retail.ipynb`: ARUS_SERVER says where it is, ARUS_SERVER_TOKEN is its token."""

import json
import os
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np

from notebooks.retail.models import Models, names, nearest

DEFAULT_SERVER = "http://127.0.0.1:5000"
QUESTION = {"model_number": "1", "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}
LONGEST_WAIT_SECONDS = 5.0
LONGEST_DETAIL = 300
START = "start the server by `.venv/bin/python -m server`, or everything by `make up`; ARUS_SERVER says where it is"


class Answer(NamedTuple):
    """The status, what the body said (text where it was no JSON), and how long it took."""

    status: int
    body: Any
    seconds: float


def address() -> str:
    return (os.environ.get("ARUS_SERVER") or DEFAULT_SERVER).rstrip("/")


def ask(path: str, question: Mapping[str, Any]) -> Answer:
    """Post the question and return the answer, whatever its status; OSError or ValueError where none comes."""
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("ARUS_SERVER_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    url = address() + path
    if not url.startswith(("http://", "https://")):
        raise ValueError("no address that begins with http:// or https://")
    request = Request(url, json.dumps(question).encode(), headers)  # noqa: S310 (checked above)
    # A proxy knows nothing of this machine's own addresses.
    opener = build_opener(ProxyHandler({}))
    begun = time.perf_counter()
    try:
        with opener.open(request, timeout=LONGEST_WAIT_SECONDS) as response:
            status, sent = response.status, response.read()
    except HTTPError as error:
        status, sent = error.code, error.read()
        error.close()
    seconds = time.perf_counter() - begun
    try:
        return Answer(status, json.loads(sent), seconds)
    except ValueError:
        return Answer(status, sent.decode(errors="replace"), seconds)


def call(path: str = "/cluster-customer", question: Mapping[str, Any] = QUESTION) -> str:
    """Return what was asked and answered, ready to print; without an answer, a line that says what to do."""
    try:
        answer = ask(path, question)
    except (OSError, ValueError, HTTPException) as error:
        return f"Nobody answers at {address()} ({_why(error)}): {START}."
    asked = f"POST {address()}{path}\n  {json.dumps(question)}\n"
    said = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    took = f"{1000 * answer.seconds:.1f} ms, the connection included"
    if answer.status == 200:
        return f"{asked}200, after {took}\n  {said}"
    detail = answer.body.get("detail", said) if isinstance(answer.body, dict) else said
    return f"{asked}{answer.status}, after {took}\n  {' '.join(detail.split())[:LONGEST_DETAIL]}"


def by_hand(models: Models, question: Mapping[str, Any] = QUESTION) -> str:
    """Return what the centroids of model.json say to a question about a customer."""
    model = models.found.get(int(question["model_number"]))
    if model is None:
        return f"There is no model {question['model_number']} here to compare with."
    clustering = model["views"]["customers"]["line"]
    cluster = int(nearest(clustering, np.array(question["Quantity"]), np.array(question["UnitPrice"])))
    return f"By the centroids of model.json: cluster {cluster}, '{names(clustering)[cluster]}'."


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)
