"""Reads the files of a multipart/form-data body, chunk by chunk, into temporary files; no name given is ever a path."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from arus.image_files import HEADERS, UPLOADED, format_of
from arus.image_headers import RejectedImage
from arus.image_names import EXTENSIONS, shown_name
from server.problems import Problem
from server.store import part_file

FILE_FIELD = "file"
MOST_FILES = 20
# Fields that are no files are skipped; this many parts no form has.
MOST_PARTS = 100
MOST_BYTES = 60_000_000
TOO_MUCH = (
    f"a request has at most {MOST_BYTES // 1_000_000} MB: send fewer files at once; "
    f"a form has at most {MOST_PARTS} parts, with short headers"
)
CHUNK_BYTES = 64 * 1024
# Of what the decoder holds at once: a chunk, and a part's headers.
MOST_BUFFERED_BYTES = 4 * CHUNK_BYTES
SIGNATURE_BYTES = 64
# The headers of files above this are read one after another: it takes their whole content into memory, twice.
LARGE_BYTES = 1_000_000
_one_large = Lock()


@dataclass
class Received:
    """A file of a request: its name fit to be shown, where it lies, and, once it is known, why it is refused."""

    filename: str
    path: Path
    bytes: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class Examined:
    """What a file's header says of it."""

    format: str
    width: int
    height: int


@contextmanager
def received(chunks: Iterable[bytes], boundary: bytes) -> Iterator[list[Received]]:
    """Give the files of a body; those that were not moved elsewhere by the end are removed.

    Raises Problem, or werkzeug's HTTPException, where the body is no such form or too large.
    """
    files: list[Received] = []
    try:
        _read(chunks, boundary, files)
        yield files
    finally:
        for file in files:
            file.path.unlink(missing_ok=True)


def _read(chunks: Iterable[bytes], boundary: bytes, files: list[Received]) -> None:
    decoder = _Decoder(boundary, MOST_BUFFERED_BYTES, max_parts=MOST_PARTS)
    writer = _Writer(files)
    total = 0
    try:
        for chunk in chunks:
            total += len(chunk)
            if total > MOST_BYTES:
                raise RequestEntityTooLarge
            decoder.receive_data(chunk)
            writer.take_all(decoder)
        decoder.receive_data(None)
        writer.take_all(decoder)
    except (ValueError, AttributeError) as error:
        # AttributeError: the decoder finds no line break where a part begins.
        raise Problem(400, "the body ends too early, or is no multipart/form-data") from error
    except RequestEntityTooLarge as error:
        raise Problem(413, TOO_MUCH) from error
    finally:
        writer.close()


class _Decoder(MultipartDecoder):
    """werkzeug's decoder, for names in any encoding too: it would refuse the whole form."""

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        return super()._parse_headers(data.decode(errors="replace").encode())


class _Writer:
    """Writes what a decoder finds: files of the field `file`, each up to its limit; the rest is skipped."""

    def __init__(self, files: list[Received]) -> None:
        self._files = files
        self._out: IO[bytes] | None = None

    def take_all(self, decoder: MultipartDecoder) -> None:
        while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
            if isinstance(event, File | Field):
                self.close()
            if isinstance(event, File | Field) and event.name == FILE_FIELD:
                # A name that breaks the header's own rules leaves none, but the file is there.
                self._begin(event.filename if isinstance(event, File) else "")
            elif isinstance(event, Data) and self._out:
                self._write(event.data)

    def _begin(self, filename: str) -> None:
        if len(self._files) == MOST_FILES:
            raise Problem(413, f"a request has at most {MOST_FILES} files")
        path = part_file()
        # Listed before it is there, so that it is removed whatever happens.
        self._files.append(Received(shown_name(filename) if filename else "", path))
        self._out = path.open("xb")

    def _write(self, data: bytes) -> None:
        file = self._files[-1]
        file.bytes += len(data)
        if file.bytes > UPLOADED.max_bytes:
            file.reason = "too-many-bytes"
        elif self._out:
            self._out.write(data)

    def close(self) -> None:
        if self._out:
            self._out.close()
            self._out = None


def examine(file: Received) -> Examined:
    """Return what a file is by its content; raise RejectedImage."""
    if file.reason:
        raise RejectedImage(file.reason)
    if not file.bytes:
        raise RejectedImage("empty")
    with file.path.open("rb") as opened:
        name = format_of(opened.read(SIGNATURE_BYTES))
    if name is None:
        raise RejectedImage("not-an-image")
    if name not in EXTENSIONS:
        raise RejectedImage(f"unsupported-format:{name}")
    if file.bytes <= LARGE_BYTES:
        return _examined(name, file.path)
    with _one_large:
        return _examined(name, file.path)


def _examined(name: str, path: Path) -> Examined:
    header = HEADERS[name](path.read_bytes())
    if min(header.width, header.height) < 1:
        raise RejectedImage("corrupt")
    if header.width * header.height > UPLOADED.max_pixels:
        raise RejectedImage("too-many-pixels")
    return Examined(name, header.width, header.height)
