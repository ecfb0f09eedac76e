"""The account of the images that a producer sent, class by class: the JSON file of producers/image_manifest.py."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

# Its name in `run/` of ARUS_HOME.
MANIFEST = "images.manifest.json"


class Sent(NamedTuple):
    """A class of the manifest: how many images, and the `class_digest` of them."""

    images: int
    sha256: str


class Manifest(NamedTuple):
    """What was sent, from when on, and until when: None where the producer has not ended well."""

    started: datetime
    ended: datetime | None
    sent: dict[tuple[str, str], Sent]


def class_digest(digests: Iterable[bytes]) -> str:
    """Return the SHA-256, in hexadecimal, of images' SHA-256 digests, sorted and joined: no order matters."""
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def read_manifest(path: Path) -> Manifest:
    """Return a manifest; raise OSError or ValueError where there is none."""
    try:
        account = json.loads(path.read_text("utf-8"))
        sent = {(each["plant"], each["disease"]): Sent(each["count"], each["sha256"]) for each in account["classes"]}
        ended = _utc(account["written"]) if account["complete"] else None
        return Manifest(_utc(account["started"]), ended, sent)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no manifest: {error!r}") from error


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(timezone.utc)
