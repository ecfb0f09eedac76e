"""The account of what was sent, class by class, for whoever counts what arrived."""

import hashlib
import json
import os
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from arus.image_manifest import class_digest
from arus.image_messages import ImageMessage


class Manifest:
    """Counts images as they are sent, and writes a JSON file that is always a whole one.

    A class's sha256 is that of its images' SHA-256 digests (32 bytes each), sorted and joined. The account is complete
    where its producer has ended and Kafka has confirmed all that was sent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._started = now()
        self._digests: dict[tuple[str, str], list[bytes]] = defaultdict(list)
        self._bytes: dict[tuple[str, str], int] = defaultdict(int)

    @property
    def sent(self) -> int:
        return sum(map(len, self._digests.values()))

    @property
    def bytes_sent(self) -> int:
        return sum(self._bytes.values())

    def add(self, image: ImageMessage) -> None:
        label = image.plant, image.disease
        self._digests[label].append(hashlib.sha256(image.data).digest())
        self._bytes[label] += len(image.data)

    def write(self, confirmed: int, is_complete: bool) -> None:
        """Replace the file by the account so far; `confirmed`: by Kafka."""
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(self.account(confirmed, is_complete), indent=1) + "\n")
        temporary.replace(self._path)

    def account(self, confirmed: int, is_complete: bool) -> dict[str, Any]:
        return {
            "started": self._started,
            "written": now(),
            "complete": is_complete,
            "sent": self.sent,
            "confirmed": confirmed,
            "bytes": self.bytes_sent,
            "classes": [self._class(plant, disease) for plant, disease in sorted(self._digests)],
        }

    def _class(self, plant: str, disease: str) -> dict[str, Any]:
        digests = self._digests[plant, disease]
        return {
            "plant": plant,
            "disease": disease,
            "count": len(digests),
            "bytes": self._bytes[plant, disease],
            "sha256": class_digest(digests),
        }


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
