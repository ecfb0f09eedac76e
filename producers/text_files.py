"""Text files as people have them: packed as gz or not, in the encoding that their bytes show."""

import codecs
import gzip
import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

from arus.errors import ArusError

CHUNK_BYTES = 1024 * 1024
GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Windows-1252 has printable characters where ISO-8859-1 has control characters that nobody writes.
WINDOWS = "windows-1252"
WINDOWS_ONLY = re.compile(rb"[\x80-\x9f]")
SPREADSHEET = "a spreadsheet: save it as CSV"
# What a file begins with, where it is no text with separators.
OTHER_KINDS = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", SPREADSHEET),
    (b"PAR1", "a Parquet file: write its rows as CSV"),
    (b"ARROW1", "an Arrow file: write its rows as CSV"),
    (b"SQLite format 3", "an SQLite database: write its rows as CSV"),
    (b"%PDF-", "a PDF document: get its rows as CSV"),
    (b"<", "an HTML or XML page: get its rows as CSV"),
    (b"{", "JSON: write its rows as CSV"),
    (b"[", "JSON: write its rows as CSV"),
    (b"BZh", "packed as bz2: unpack it, or pack it as gz"),
    (b"\xfd7zXZ\x00", "packed as xz: unpack it, or pack it as gz"),
    (b"\x28\xb5\x2f\xfd", "packed as zst: unpack it, or pack it as gz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"),
    (b"Rar!", "a rar archive: unpack it"),
)


class Place(NamedTuple):
    """Where in a file something stands, and what it is."""

    line: int
    text: str


def encoding_of(path: Path, watch: Callable[[int], None] = lambda _bytes: None) -> str:
    """Return the encoding of a text file, gz or not, by its bytes.

    It is that of a byte order mark, UTF-16 by NUL bytes, UTF-8 where all bytes are, Windows-1252
    where one from 0x80 to 0x9f occurs, else ISO-8859-1. `watch` hears how many bytes are done.
    Raises ArusError where the file cannot be read, or is of another known kind.
    """
    with opened(path) as file:
        if kind := _other_kind(file):
            raise ArusError(f"{path} is {kind}")
        head = file.read(4)
    marked = [encoding for mark, encoding in BYTE_ORDER_MARKS if head.startswith(mark)]
    if marked:
        return marked[0]
    if b"\0" in head[:2]:
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    if _is_utf8(path, watch):
        return "utf-8"
    return WINDOWS if any(map(WINDOWS_ONLY.search, _chunks(path, watch))) else "iso-8859-1"


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[IO[str]]:
    """Open a text file, its line ends as they are; what Windows-1252 does not define is U+FFFD.

    Raises ArusError where it has other bytes than those that its encoding allows.
    """
    errors = "replace" if encoding == WINDOWS else "strict"
    try:
        with opened(path) as file, io.TextIOWrapper(file, encoding, errors, newline="") as text:
            yield text
    except UnicodeDecodeError as error:
        begun = f"{path} begins as {error.encoding}, but goes on otherwise"
        raise ArusError(f"{begun}: save it as UTF-8") from error


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file's bytes, unpacked where it is gz; ArusError where they cannot all be read."""
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ArusError(f"{path} is a pipe or a device: save it as a file first")
            is_packed = file.read(len(GZIP)) == GZIP
            file.seek(0)
            if not is_packed:
                yield file
                return
            with gzip.open(file) as unpacked:
                yield cast("IO[bytes]", unpacked)
    except FileNotFoundError as error:
        raise ArusError(f"no such file: {path}") from error
    except EOFError as error:
        raise ArusError(f"{path} is a gz file without its end: fetch or pack it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ArusError(f"{path} is a damaged gz file: fetch or pack it again") from error
    except OSError as error:
        raise ArusError(f"{path} cannot be read: {error.strerror or error}") from error


def _other_kind(file: IO[bytes]) -> str | None:
    """Return what else than separated text a file is, if that shows; leave it at its beginning."""
    head = file.read(1024).removeprefix(codecs.BOM_UTF8).lstrip()
    file.seek(0)
    if not head.startswith(ZIP):
        return next((kind for magic, kind in OTHER_KINDS if head.startswith(magic)), None)
    try:
        names = zipfile.ZipFile(file).namelist()
    except zipfile.BadZipFile:
        names = []
    # The sheets of Excel, and of OpenDocument.
    has_sheets = any(name.startswith("xl/") or name == "content.xml" for name in names)
    return SPREADSHEET if has_sheets else "a zip archive: unpack it"


def _is_utf8(path: Path, watch: Callable[[int], None]) -> bool:
    try:
        for _ in codecs.iterdecode(_chunks(path, watch), "utf-8"):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _chunks(path: Path, watch: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    with opened(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
            done += len(chunk)
            watch(done)
