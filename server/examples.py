"""What to try first: a customer, product and country that the champion knows, with a request."""

from dataclasses import dataclass
from typing import Any

from server.catalog import Catalog, Snapshot
from server.fields import KINDS, MODEL_NUMBER, Kind
from server.predictions import answer


@dataclass(frozen=True)
class Example:
    """An id, a request that has it, and what is answered."""

    id: Any
    request: dict[str, Any]
    answer: dict[str, Any]


def example_id(snapshot: Snapshot, kind: Kind) -> Any:
    """Return an id that the champion knows, or the one of the data set that people know best."""
    known = snapshot.facts.examples.get(kind.view) if snapshot.facts else None
    found = kind.id.example if known is None else kind.id.convert(known)
    return found if kind.id.accepts(found) else kind.id.example


def examples(catalog: Catalog) -> dict[str, Example]:
    """Return an example of each kind, by its name, as the champion answers it if there is one."""
    return {kind.name: _example(catalog, kind) for kind in KINDS}


def _example(catalog: Catalog, kind: Kind) -> Example:
    snapshot = catalog.snapshot
    name = example_id(snapshot, kind)
    if snapshot.champion is None:
        return Example(name, kind.example, kind.example | kind.example_answer)
    request = kind.example | {MODEL_NUMBER: str(snapshot.champion.number), kind.id.name: name}
    return Example(name, request, answer(catalog, kind, dict(request)))
