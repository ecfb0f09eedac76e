"""Which models are there: a snapshot that never changes, replaced whole when models come, go or win.

A request takes one snapshot and answers all of its rows by it. A damaged model is refused with a line in the log, and
the last good champion goes on serving.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from arus import models
from arus.errors import ArusError
from server.trained import Facts, Model, load

LOG = logging.getLogger("arus.server")
LOOK_SECONDS = 1.0
# The newest, and the champion; some 30 KB of memory each.
MOST_MODELS = 1000


@dataclass(frozen=True)
class Snapshot:
    """The models at one moment. `facts` are the champion's; `trouble` says why it is not the one that was chosen."""

    models: Mapping[int, Model] = field(default_factory=dict)
    damaged: Mapping[int, str] = field(default_factory=dict)
    champion: Model | None = None
    facts: Facts | None = None
    trouble: str | None = None


class Catalog:
    """The current snapshot, and how it follows the folder."""

    def __init__(self, told: Callable[[str], None] = lambda _: None) -> None:
        """`told` hears of each "load" and each "refusal"."""
        self.snapshot = Snapshot()
        self._told = told
        self._signatures: dict[int, tuple[object, ...]] = {}
        self._lock = threading.RLock()
        self._crown()

    def refresh(self) -> None:
        """Bring the snapshot up to what the folder holds: the champion first, then the others from the newest on."""
        self._crown()
        there = models.numbers()
        self._forget(there)
        for number in reversed(there[-MOST_MODELS:]):
            self._take(number)

    def snapshot_with(self, numbers: Iterable[int]) -> Snapshot:
        """Return a snapshot that has these models, if they are there: one may be younger than the last look.

        So may the first champion, which is told of as soon as it is chosen.
        """
        if self.snapshot.champion is None:
            self._crown()
        for number in numbers:
            if number not in self.snapshot.models and models.path_of(number).is_dir():
                self._take(number)
        return self.snapshot

    def watch(self) -> threading.Event:
        """Look for changes every second from now on, in a thread of this process, until the event is set."""
        enough = threading.Event()
        threading.Thread(target=self._look_until, args=(enough,), name="models", daemon=True).start()
        return enough

    def _look_until(self, enough: threading.Event) -> None:
        while not enough.is_set():
            try:
                self.refresh()
            except Exception:
                LOG.exception("looking for models failed; the server goes on with those it has")
            enough.wait(LOOK_SECONDS)

    def _take(self, number: int) -> None:
        """Load or refuse a model that is new or has changed since."""
        with self._lock:
            signature = _signature(number)
            if self._signatures.get(number) == signature:
                return
            kept = {other: model for other, model in self.snapshot.models.items() if other != number}
            damaged = {other: why for other, why in self.snapshot.damaged.items() if other != number}
            try:
                kept[number] = load(number)
                self._told("load")
            except ArusError as error:
                damaged[number] = str(error)
                self._told("refusal")
                LOG.warning("model %d is refused: %s", number, error)
            self._signatures[number] = signature
            self.snapshot = replace(self.snapshot, models=kept, damaged=damaged)

    def _forget(self, there: list[int]) -> None:
        with self._lock:
            kept = {*there[-MOST_MODELS:]} | ({self.snapshot.champion.number} if self.snapshot.champion else set())
            kept &= {*there}
            if gone := self._signatures.keys() - kept:
                self._signatures = {number: self._signatures[number] for number in kept & self._signatures.keys()}
                known = {number: model for number, model in self.snapshot.models.items() if number not in gone}
                damaged = {number: why for number, why in self.snapshot.damaged.items() if number not in gone}
                self.snapshot = replace(self.snapshot, models=known, damaged=damaged)

    def _crown(self) -> None:
        """Let the chosen champion serve; where it cannot, the last good one, else the newest that won its training."""
        with self._lock:
            chosen, trouble = _chosen()
            if chosen is not None:
                self._take(chosen)
            now = self.snapshot
            wanted = now.models.get(chosen) if chosen is not None else None
            if chosen is not None and wanted is None:
                trouble = f"model {chosen} was chosen, but it is {now.damaged.get(chosen, 'not there')}"
            champion = wanted or now.champion or (self._newest_winner() if trouble else None)
            if champion is not now.champion:
                self._serve(champion, trouble)
            elif trouble != now.trouble:
                self.snapshot = replace(now, trouble=trouble)

    def _newest_winner(self) -> Model | None:
        for number in reversed(models.numbers()):
            self._take(number)
            model = self.snapshot.models.get(number)
            if model and model.summary["promoted"]:
                return model
        return None

    def _serve(self, champion: Model | None, trouble: str | None) -> None:
        """Publish a champion with its facts, in one step."""
        facts = Facts(models.path_of(champion.number) / models.ENTITIES) if champion else None
        self.snapshot = replace(self.snapshot, champion=champion, facts=facts, trouble=trouble)
        if champion:
            LOG.info("model %d answers from now on", champion.number)
        if trouble:
            LOG.warning("%s", trouble)


def _chosen() -> tuple[int | None, str | None]:
    """Return the number in models/champion, and what is wrong with that file."""
    try:
        return models.champion(), None
    except (ArusError, OSError) as error:
        return None, str(error)


def _signature(number: int) -> tuple[object, ...]:
    """Return what changes when a model's files do."""
    return tuple(_stat(number, name) for name in (models.MODEL, models.ENTITIES, models.SUMS))


def _stat(number: int, name: str) -> tuple[int, int, int] | None:
    try:
        found = (models.path_of(number) / name).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
