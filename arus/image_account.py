"""What became of the images that a producer sent: stored, rejected, or missing; by its manifest, class by class.

Of the table and the rejects, what Kafka got while that
producer ran is counted; images that others sent meanwhile show as too many.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow.dataset as ds

from arus.image_manifest import Manifest, Sent, class_digest
from arus.image_names import shown_name
from arus.image_stored import POSITION, batches
from arus.image_tally import Label, counted, table
from arus.schemas import IMAGE_STREAM
from arus.text import number_of

MOST_CLASSES = 50


@dataclass
class Arrived:
    """What arrived of one class: how many were stored, how many rejected, and the SHA-256 of both where it is known."""

    stored: int = 0
    rejected: int = 0
    digests: list[bytes] = field(default_factory=list)


@dataclass
class Arrivals:
    """All that arrived. reasons: of the rejects; places: in Kafka; twice: those that are there again."""

    classes: dict[Label, Arrived] = field(default_factory=lambda: defaultdict(Arrived))
    reasons: Counter[str] = field(default_factory=Counter)
    places: set[tuple[str, int, int]] = field(default_factory=set)
    twice: int = 0


def arrivals(images: ds.Dataset | None, rejects: ds.Dataset | None, manifest: Manifest) -> Arrivals:
    """Return what arrived while the manifest's producer ran."""
    found = Arrivals()
    if images is not None:
        columns = ["plant", "disease", "sha256", *POSITION]
        for batch in batches(images, columns, _while(manifest, "event_time")):
            for row in batch.to_pylist():
                arrived = found.classes[row["plant"] or "", row["disease"] or ""]
                arrived.stored += 1
                _note(found, arrived, row, row["sha256"])
    if rejects is not None:
        where = _while(manifest, "timestamp") & (ds.field("topic") == IMAGE_STREAM)
        for batch in batches(rejects, ["headers", "reason", *POSITION], where):
            for row in batch.to_pylist():
                _note_rejected(found, row)
    return found


def _while(manifest: Manifest, column: str) -> ds.Expression:
    where = ds.field(column) >= manifest.started
    return where & (ds.field(column) <= manifest.ended) if manifest.ended else where


def _note_rejected(found: Arrivals, row: Mapping[str, Any]) -> None:
    headers = {each["key"]: (each["value"] or b"").decode(errors="replace") for each in row["headers"] or []}
    plant, disease = (shown_name(text) if (text := headers.get(name)) else "" for name in ("plant", "disease"))
    arrived = found.classes[plant, disease]
    arrived.rejected += 1
    found.reasons[row["reason"]] += 1
    _note(found, arrived, row, headers.get("sha256"))


def _note(found: Arrivals, arrived: Arrived, row: Mapping[str, Any], digest: str | None) -> None:
    place = row["topic"], row["partition"], row["offset"]
    found.twice += place in found.places
    found.places.add(place)
    try:
        arrived.digests.append(bytes.fromhex(digest or ""))
    except ValueError:
        arrived.digests.append(b"")


class Difference(NamedTuple):
    """What of one class is not as it should be: images sent and not there, there and not sent, or with other bytes."""

    missing: int = 0
    surplus: int = 0
    is_other: bool = False

    def __str__(self) -> str:
        if self.missing or self.surplus:
            return f"{self.missing:,} missing" if self.missing else f"{self.surplus:,} too many"
        return "other bytes than sent" if self.is_other else ""


def difference(sent: Sent, arrived: Arrived) -> Difference:
    missing = sent.images - arrived.stored - arrived.rejected
    if missing:
        return Difference(max(missing, 0), max(-missing, 0))
    # A message without the header sha256 says nothing of the bytes that were sent.
    return Difference(is_other=b"" not in arrived.digests and class_digest(arrived.digests) != sent.sha256)


def report(manifest: Manifest, found: Arrivals) -> str:
    """Return what was sent, stored and rejected, and what differs, in words and for each class where something does."""
    lines, rows = [], []
    for label in sorted({*manifest.sent, *found.classes}):
        sent, arrived = manifest.sent.get(label, Sent(0, class_digest([]))), found.classes.get(label, Arrived())
        counts, differs = (sent.images, arrived.stored, arrived.rejected), difference(sent, arrived)
        lines.append((counts, differs))
        if str(differs):
            rows.append((*(part or "-" for part in label), str(differs), *(f"{count:,}" for count in counts)))
    sent_count, stored, rejected = (sum(counts[at] for counts, _ in lines) for at in range(3))
    verdict = _verdict([differs for _, differs in lines], found.twice)
    parts = [f"sent {sent_count:,}, stored {stored:,}, rejected {rejected:,}: {verdict}"]
    if manifest.ended is None:
        parts.append("the producer has not ended yet, or ended before Kafka had confirmed all: more was sent since")
    if rows:
        unsaid = len(rows) - MOST_CLASSES
        more = f"\n... and {number_of(unsaid, 'more class')}" if unsaid > 0 else ""
        header = ("plant", "disease", "difference", "sent", "stored", "rejected")
        parts.append(table(header, rows[:MOST_CLASSES], texts=3) + more)
    if found.reasons:
        parts.append(counted("rejected for", found.reasons, found.reasons.total()))
    return "\n\n".join(parts)


def _verdict(differences: list[Difference], twice: int) -> str:
    missing, surplus = sum(each.missing for each in differences), sum(each.surplus for each in differences)
    other = sum(each.is_other for each in differences)
    said = [
        f"{missing:,} missing: still on their way (`python -m arus status` says how far behind the job is), or lost",
        f"{surplus:,} too many: others sent images meanwhile, or this producer more than its manifest says",
        f"{number_of(other, 'class')} with other bytes than were sent",
        f"{twice:,} stored or rejected twice",
    ]
    wrong = [text for text, count in zip(said, (missing, surplus, other, twice), strict=True) if count]
    count = len(differences)
    whole = "the one class has" if count == 1 else f"all {count:,} classes have"
    return "; ".join(wrong) or f"nothing is missing, and {whole} the bytes that were sent"
