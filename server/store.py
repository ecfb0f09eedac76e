"""Uploads on disk, in the store's `storage/`: originals, results, and what waits for its result.

uploads/ID.EXT        the original, whole
uploads/ID.json       what was known when it came: the shown name, format, size, time
waiting/ID.BYTES      empty: Kafka has the upload, and no result is known yet
processed/ID.json     the job's answer, written after the result processed/ID.EXT
"""

import functools
import os
import re
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from arus import home
from arus.image_names import EXTENSIONS

ID_CHARACTERS = 32
ID = re.compile(rf"[0-9a-f]{{{ID_CHARACTERS}}}")
PART = ".part"
# What a server that was killed left behind: no request takes so long.
STALE_SECONDS = 3600.0
WAITING, PROCESSED, REJECTED = "waiting", "processed", "rejected"


@dataclass(frozen=True)
class Upload:
    """An original: its id, the name to show, and what its header says. accepted_at: ISO 8601, UTC."""

    id: str
    filename: str
    format: str
    width: int
    height: int
    bytes: int
    accepted_at: str

    @property
    def file_name(self) -> str:
        return f"{self.id}.{EXTENSIONS[self.format]}"


@functools.cache
def folder(name: str) -> Path:
    """Return uploads, processed or waiting: in the store, or in ARUS_HOME where that is a URI."""
    # Kept until the next app is made: an upload asks for it a dozen times.
    return (home.local_store() or home.home()) / "storage" / name


def prepare() -> None:
    """Make the folders, and tidy up after receivers that died."""
    # Where the last one is, the others are.
    if not folder("waiting").is_dir():
        for name in ("uploads", "waiting"):
            folder(name).mkdir(parents=True, exist_ok=True)
    _sweep(folder("uploads"))


@functools.cache
def _sweep(uploads: Path) -> None:
    """Remove the parts of files whose receiver died; once a process, since the folder keeps every original."""
    oldest = time.time() - STALE_SECONDS
    for part in uploads.glob(f".*{PART}"):
        # It may be in its place by now: others receive meanwhile.
        with suppress(FileNotFoundError):
            if part.stat().st_mtime < oldest:
                part.unlink()


def new_id() -> str:
    return secrets.token_hex(16)


def part_file() -> Path:
    """Return a new name for a file that is still arriving."""
    return folder("uploads") / f".{new_id()}{PART}"


def keep(upload: Upload, part: Path) -> None:
    """Put a file that arrived in its place, after what is known of it; nobody knows its id before it is answered."""
    _notes(upload.id).write_bytes(orjson.dumps(asdict(upload)))
    part.replace(original(upload))


def remove(upload: Upload) -> None:
    original(upload).unlink(missing_ok=True)
    _notes(upload.id).unlink(missing_ok=True)


def mark_waiting(upload: Upload) -> None:
    (folder("waiting") / f"{upload.id}.{upload.bytes}").touch(exist_ok=False)


def has_uploads() -> bool:
    """Return whether anything was uploaded, by a look at the first entry of the folder."""
    try:
        with os.scandir(folder("uploads")) as found:
            return next(found, None) is not None
    except OSError:
        return False


def original(upload: Upload) -> Path:
    return folder("uploads") / upload.file_name


def answered(upload_id: str) -> bool:
    return os.path.exists(f"{folder('processed')}/{upload_id}.json")  # noqa: PTH110 - four times as fast


def read_upload(upload_id: str) -> Upload | None:
    """Return what is known of an original, None where there is none."""
    found = _json(_notes(upload_id))
    return Upload(**found) if found else None


def read_answer(upload_id: str) -> dict[str, Any] | None:
    """Return what the job made of an upload, None where it has not yet; ValueError where that cannot be read."""
    return _json(folder("processed") / f"{upload_id}.json")


def result(upload_id: str, image_format: str) -> Path:
    return folder("processed") / f"{upload_id}.{EXTENSIONS[image_format]}"


def _notes(upload_id: str) -> Path:
    return folder("uploads") / f"{upload_id}.json"


def _json(file: Path) -> dict[str, Any] | None:
    try:
        found = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(found, dict):
        raise ValueError(f"{file.name} holds no object")
    return found
