"""Mutated files, and mutated forms, over HTTP: each is accepted or refused, soon; nothing else is kept or sent."""

import random
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from arus.image_names import EXTENSIONS
from server import create_app
from server.counters import UPLOAD_EVENTS
from server.pressure import Limits
from tests.arus.image_samples import MUTATIONS, mutations, picture, saved
from tests.arus.test_image_files import REASONS
from tests.conftest import Broker
from tests.server.uploading import BOUNDARY, body, messages, part, post, stored

pytestmark = pytest.mark.e2e
MOST_SECONDS = 30.0
ROOMY = Limits(waiting_files=100_000, requests_at_once=100_000)
# Small images: much of this form is its framing.
FORM = body(*(part(saved(picture(8), kind), "é") for kind in EXTENSIONS), part(b"x", None, "note"), part(b"", "empty"))
END = f"--{BOUNDARY}--".encode()
FRAMING = (END[:-2], b"\r\n", b"\r\n\r\n", b"--", b'"', b";", b"\0", b"\xff", b"; filename*=x''%")


class Sender:
    """Sends forms, checks each answer, and knows by its name in the store what is kept, and how much was refused."""

    def __init__(self, app: Flask, store: Path, broker: Broker) -> None:
        self._app, self._store, self._broker = app, store, broker
        self._earlier = set(messages(broker))
        self.kept: dict[str, bytes] = {}
        self.refused = 0
        self.statuses: set[int] = set()

    def send(self, form: bytes) -> list[tuple[str, bytes | None]]:
        """Return the name that is shown of each file, with what is kept of it: nothing of one that is refused."""
        signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
        response = post(self._app.test_client(), form)
        found: Any = response.json
        self.statuses.add(response.status_code)
        if response.status_code == 202:
            uploads, refused = found["uploads"], found["refused"]
            assert response.content_type == "application/json"
            assert uploads
        else:
            assert response.status_code in {400, 413, 415, 422}, response.text
            assert (response.content_type, found["status"]) == ("application/problem+json", response.status_code)
            uploads, refused = [], [one for one in found.get("errors", []) if "index" in one]
        assert {one["reason"] for one in refused} <= REASONS | {"empty"}
        self.refused += len(refused)
        return [(one["filename"], self._keep(one)) for one in uploads] + [(one["filename"], None) for one in refused]

    def _keep(self, upload: dict[str, Any]) -> bytes:
        name = f"{upload['id']}.{EXTENSIONS[upload['before']['format']]}"
        self.kept[name] = (self._store / "storage" / "uploads" / name).read_bytes()
        return self.kept[name]

    def check_nothing_else_is_kept_or_sent(self) -> None:
        ids = {name.partition(".")[0]: content for name, content in self.kept.items()}
        assert stored(self._store) == sorted([*self.kept, *(f"{one}.json" for one in ids)])
        assert stored(self._store, "waiting") == sorted(f"{one}.{len(content)}" for one, content in ids.items())
        sent = {one: value for one, (value, _) in messages(self._broker).items() if one not in self._earlier}
        assert sent.keys() == ids.keys()
        assert all(sent[one] == content for one, content in ids.items())
        events = self._app.extensions["counters"].events()
        assert [events[name] for name in UPLOAD_EVENTS] == [len(self.kept), self.refused, 0]


@pytest.fixture
def sender(broker: Broker, app: Flask, store: Path) -> Iterator[Sender]:
    """A sender to an application with room for all; what hangs is interrupted: a request then ends with a 503."""

    def interrupt(*_: object) -> None:
        raise TimeoutError(f"not done after {MOST_SECONDS:g} seconds")

    assert app
    roomy, previous = create_app(limits=ROOMY), signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    yield Sender(roomy, store, broker)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)
    roomy.extensions["uploads"].queue.close()


@pytest.mark.parametrize(("count", "alone"), [(300, 60), pytest.param(5_000, 1_000, marks=pytest.mark.long)])
def test_each_mutated_file_is_kept_as_it_came_or_refused(sender: Sender, count: int, alone: int) -> None:
    files = {f"{number:04}.jpg": content for number, content in enumerate(mutations(count, seed=count))}
    for first, after in pairwise([*range(alone), *range(alone, count, 20), count]):
        names = list(files)[first:after]
        outcomes = sender.send(body(*(part(files[name], name) for name in names)))
        assert sorted(name for name, _ in outcomes) == names
        assert all(kept in (None, files[name]) for name, kept in outcomes)
    assert len(sender.kept) + sender.refused == count
    assert min(len(sender.kept), sender.refused) > count / 10
    assert sender.statuses >= {202, 415, 422}
    sender.check_nothing_else_is_kept_or_sent()


@pytest.mark.parametrize("count", [300, pytest.param(5_000, marks=pytest.mark.long)])
def test_of_a_mutated_form_parts_are_kept_as_they_came_and_none_without_its_end(sender: Sender, count: int) -> None:
    rng = random.Random(count)
    for _ in range(count):
        form = bytearray(FORM)
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.randrange(len(form))
            form[at:at] = rng.choice((b"", rng.choice(FRAMING)))
            rng.choice(MUTATIONS)(rng, form)
        outcomes = sender.send(bytes(form))
        assert all(kept is None or kept in form for _, kept in outcomes)
        assert END in form or not outcomes
    assert len(sender.kept) > count / 10
    assert sender.statuses >= {202, 400}
    sender.check_nothing_else_is_kept_or_sent()
