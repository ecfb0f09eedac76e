"""Schemathesis over openapi.json: a thousand requests and more, good and bad, and no answer that is not described."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import strategies
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from server.fields import NUMBER_FORMAT
from tests.conftest import Broker
from tests.server.uploading import JPEG, PNG, RESULT, WEBP, process, stored

# Schemathesis does not close what it is answered, as a server does: pictures stay open until they are collected.
UNCLOSED = "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings(UNCLOSED)]
# What is sent where a file is asked for: images, and what is none.
FILES = strategies.sampled_from([JPEG, PNG, WEBP, JPEG[:100], b"", b"GIF89a", b"<html>"]) | strategies.binary(
    max_size=64
)
EXAMPLE_ID = "0123456789abcdef0123456789abcdef"
PHASES = {"examples", "coverage", "fuzzing", "stateful"}
UNKNOWN_GOOD = {"positive_data_acceptance": {"enabled": False}}
CONFIG: dict[str, Any] = {
    "seed": 1,
    "generation": {"deterministic": True, "database": "none"},
    # 413 too: a list of too many requests, each with all the columns, is too large before it is too long.
    "checks": {"negative_data_rejection": {"expected-statuses": ["4xx", "5xx"]}},
    # The form takes any text and says what is wrong with it: a query by its schema may be refused.
    # Whether a file is an image, and whether an id is one, no schema says.
    "operations": [
        *({"include-path": path, "checks": UNKNOWN_GOOD} for path in ("/", "/images.zip")),
        # Of several files those that are images are accepted, whatever the others are.
        {"include-path": "/upload", "checks": UNKNOWN_GOOD | {"negative_data_rejection": {"enabled": False}}},
    ],
}
schemathesis.openapi.format("binary", FILES)
# No pattern can say what a number as text may be at most.
NUMBER_TEXTS = strategies.builds(
    "{}{}{}".format,
    strategies.sampled_from(["", " ", "+"]),
    strategies.integers(1, 999_999_999),
    strategies.sampled_from(["", ".0", "e0 "]),
)
schemathesis.openapi.format(NUMBER_FORMAT, NUMBER_TEXTS)


@pytest.fixture
def app(broker: Broker, app: Flask, store: Path) -> Flask:
    """The application, with a Kafka, and with an image that is done."""
    assert broker
    process(store, EXAMPLE_ID, RESULT)
    return app


def run(app: Flask, max_examples: int, **headers: str) -> tuple[dict[str, int], list[str]]:
    """Return the number of requests of each phase, and what was wrong with their answers."""
    config = SchemathesisConfig.from_dict(CONFIG | {"headers": headers})
    config.projects.default.generation.update(max_examples=max_examples)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)
    requests, wrong = dict.fromkeys(PHASES, 0), []
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(str(event))
        if isinstance(event, events.ScenarioFinished):
            requests[event.phase.value] += len(event.recorder.interactions)
            wrong += failures(event)
    return requests, wrong


def failures(event: events.ScenarioFinished) -> list[str]:
    return [
        f"{check.name}: {check.failure_info.failure.message}\n{check.failure_info.code_sample}"
        for checks in event.recorder.checks.values()
        for check in checks
        if check.failure_info is not None
    ]


@pytest.mark.parametrize(("max_examples", "least"), [(40, 1_000), pytest.param(1_000, 10_000, marks=pytest.mark.long)])
def test_every_answer_is_described(app: Flask, store: Path, max_examples: int, least: int) -> None:
    requests, wrong = run(app, max_examples)
    assert wrong == []
    assert len(stored(store)) > 10
    assert all(requests.values()), requests
    assert sum(requests.values()) >= least


def test_every_page_is_described(app: Flask) -> None:
    requests, wrong = run(app, 5, Accept="text/html")
    assert wrong == []
    assert sum(requests.values()) > 200
