"""Several files as one ZIP archive, written as it is sent: stored as they are, under names that any system can hold."""

import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arus.image_names import UNNAMED, shown_name

# What Windows does not allow in names, and the devices it takes a name for.
FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Member:
    """A file to pack, the name its owner gave it, and the extension of what it is now."""

    shown: str
    extension: str
    file: Path


class _Sink:
    """What ZipFile writes into; it cannot seek, so that what was written can be sent at once."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """ZipFile asks for it."""

    def taken(self) -> bytes:
        found = bytes(self._written)
        self._written.clear()
        return found


def zipped(members: Iterable[Member]) -> Iterator[bytes]:
    """Yield the archive in pieces, a file each; one that is gone meanwhile is left out."""
    sink, names = _Sink(), set[str]()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for member in members:
            try:
                source = member.file.open("rb")
            except OSError:
                continue
            with source, archive.open(_free(safe_name(member.shown, member.extension), names), "w") as target:
                shutil.copyfileobj(source, target)
            yield sink.taken()
    yield sink.taken()


def safe_name(shown: str, extension: str) -> str:
    """Return a name without folders that no system takes for anything else, with this extension in place of its own."""
    name = FORBIDDEN.sub("_", shown_name(shown))
    stem = (name.rpartition(".")[0] or name).strip(" .") or UNNAMED
    return f"_{stem}.{extension}" if DEVICES.fullmatch(stem) else f"{stem}.{extension}"


def _free(name: str, taken: set[str]) -> str:
    """Return the name, numbered if need be, and take it; capitals make no difference."""
    stem, _, extension = name.rpartition(".")
    number, found = 1, name
    while found.lower() in taken:
        number += 1
        found = f"{stem} ({number}).{extension}"
    taken.add(found.lower())
    return found
