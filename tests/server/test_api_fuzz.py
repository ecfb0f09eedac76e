"""Schemathesis over openapi.json: thousands of requests, good and bad, and no answer that is not described."""

from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

LEAST_REQUESTS = 5_000
PHASES = {"examples", "coverage", "fuzzing", "stateful"}
CONFIG: dict[str, Any] = {
    "seed": 1,
    "generation": {"deterministic": True, "database": "none"},
    # The form takes any text and says what is wrong with it: a query by its schema may be refused.
    "operations": [{"include-path": "/", "checks": {"positive_data_acceptance": {"enabled": False}}}],
}


def run(app: Flask, max_examples: int) -> tuple[dict[str, int], list[str]]:
    """Return the number of requests of each phase, and what was wrong with their answers."""
    config = SchemathesisConfig.from_dict(CONFIG)
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


def test_every_answer_is_described(app: Flask) -> None:
    requests, wrong = run(app, max_examples=355)
    assert wrong == []
    assert all(requests.values()), requests
    assert sum(requests.values()) >= LEAST_REQUESTS


@pytest.mark.long
def test_every_answer_is_described_for_longer(app: Flask) -> None:
    requests, wrong = run(app, max_examples=1_000)
    assert wrong == []
    assert sum(requests.values()) >= 2 * LEAST_REQUESTS
