"""What the server's tests share: a store of its own, and the application on a model or two."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from arus import models
from server import create_app
from server.catalog import Catalog
from tests.server import sample
from tests.server.running import Running
from tests.server.uploading import resizing


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; its models folder is there."""
    monkeypatch.setenv("ARUS_HOME", str(tmp_path))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    models.root().mkdir()
    return tmp_path


@pytest.fixture
def app(store: Path) -> Iterator[Flask]:
    """The application on model 1, the champion, and model 2, whose clusters are called 5, 6 and 7."""
    assert store
    sample.write_model(1)
    sample.write_model(2, (5, 6, 7))
    models.promote(1)
    made = create_app()
    made.extensions["catalog"].refresh()
    yield made
    made.extensions["uploads"].queue.close()
    logging.getLogger("arus.server").handlers.clear()


@pytest.fixture
def job(store: Path) -> Iterator[None]:
    """The job that resizes runs, as far as its lock tells."""
    assert store
    with resizing():
        yield


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def catalog(app: Flask) -> Catalog:
    found: Catalog = app.extensions["catalog"]
    return found


@pytest.fixture
def server(store: Path) -> Iterator[Running]:
    """A server with two workers, on model 1."""
    assert store
    sample.write_model(1)
    models.promote(1)
    running = Running()
    yield running
    if running.process.poll() is None:
        running.stop()
