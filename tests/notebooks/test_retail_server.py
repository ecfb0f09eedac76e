"""The retail notebook's call, to a server that answers, to one that refuses, and to none."""

import json
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from notebooks.retail import models, server
from tests.notebooks import retail_sample as sample


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer as the server does: a request with its cluster, or a problem; and without JSON, as another would."""
    sent = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    asked = json.loads(sent)
    known = (environ["REQUEST_METHOD"], environ["CONTENT_TYPE"]) == ("POST", "application/json")
    if environ["PATH_INFO"] != "/cluster-customer" or not known:
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"no\nArus"]
    if environ.get("HTTP_AUTHORIZATION", "Bearer a token") != "Bearer a token":
        start_response("401 Unauthorized", [("Content-Type", "application/problem+json")])
        return [json.dumps({"status": 401, "detail": "send the header"}).encode()]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({**asked, "cluster": 3}).encode()]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server at ARUS_SERVER."""
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        # Were a proxy asked, nothing would come back.
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("ARUS_SERVER", f"http://127.0.0.1:{running.server_port}/")
        yield
        running.shutdown()
        thread.join()


@pytest.mark.usefixtures("home", "answering")
def test_the_servers_answer_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, question, status, said = server.call().splitlines()
    assert asked == f"POST {server.address()}/cluster-customer"
    assert json.loads(question) == {"model_number": "1", "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}
    assert status.startswith("200, after ")
    assert json.loads(said) == {**server.QUESTION, "cluster": 3}
    monkeypatch.setenv("ARUS_SERVER_TOKEN", "a token")
    assert server.ask("/cluster-customer", {}).status == 200
    monkeypatch.setenv("ARUS_SERVER_TOKEN", "another")
    assert [row.partition(",")[0] for row in server.call().splitlines()[2:]] == ["401", "  send the header"]
    assert [row.partition(",")[0] for row in server.call("/elsewhere").splitlines()[2:]] == ["403", "  no Arus"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("address", ["", "ftp://127.0.0.1", "http://127.0.0.1:70000", "http://a b"])
def test_without_an_answer_one_line_says_how_to_start_the_server(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    if address:
        monkeypatch.setenv("ARUS_SERVER", address)
    said = server.call()
    assert said.startswith(f"Nobody answers at {server.address()} (")
    assert said.endswith(f"): {server.START}.")
    assert "\n" not in said


@pytest.mark.usefixtures("home")
def test_what_the_centroids_say_to_the_same_question() -> None:
    assert server.by_hand(models.open_models()) == "There is no model 1 here to compare with."
    sample.write_models(1)
    assert server.by_hand(models.open_models()) == "By the centroids of model.json: cluster 1, 'high prices'."
    many = {**server.QUESTION, "Quantity": 36, "UnitPrice": 1.0}
    assert (
        server.by_hand(models.open_models(), many) == "By the centroids of model.json: cluster 0, 'small quantities'."
    )
