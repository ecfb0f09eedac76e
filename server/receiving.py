"""Reads the files of a multipart/form-data body, chunk by chunk, into temporary files; no name given is ever a path."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from arus.image_files import HEADERS, UPLOADED, format_of
from arus.image_headers import RejectedImage
from arus.image_names import EXTENSIONS, shown_name
from server.form_parts import field_of, filename_of, is_file
from server.problems import Problem
from server.store import part_file

MOST_FILES = 20
# Fields that are no files are skipped; this many parts no form has, nor a header as long as this.
MOST_PARTS = 100
LONGEST_HEADER_BYTES = 16 * 1024
MOST_BYTES = 60_000_000
TOO_MUCH = (
    f"a request has at most {MOST_BYTES // 1_000_000} MB: send fewer files at once; "
    f"a form has at most {MOST_PARTS} parts, with short headers"
)
CHUNK_BYTES = 256 * 1024
SIGNATURE_BYTES = 64
# So much of a request is kept in memory, to be looked at without being read again. The headers of larger files are read
# one after another: it takes their whole content into memory, twice.
HELD_BYTES = 1_000_000
_one_large = Lock()


@dataclass
class Received:
    """A file of a request: its name fit to be shown, its field, where it lies, and why it is refused.

    start: its first bytes; content: all of them, None where they are many.
    """

    filename: str
    field: str
    path: Path
    start: bytes = b""
    content: bytes | None = None
    bytes: int = 0
    reason: str | None = None


@dataclass
class Form:
    """The files of a request, and the fields that were passed over."""

    files: list[Received]
    others: list[str]


@dataclass(frozen=True)
class Examined:
    """What a file's header says of it."""

    format: str
    width: int
    height: int


@contextmanager
def received(chunks: Iterable[bytes], boundary: bytes) -> Iterator[Form]:
    """Give the form of a body; files that were not moved elsewhere by the end are removed.

    Raises Problem where the body is no such form or too large.
    """
    form = Form([], [])
    try:
        _read(chunks, boundary, form)
        yield form
    finally:
        for file in form.files:
            file.path.unlink(missing_ok=True)


def _read(chunks: Iterable[bytes], boundary: bytes, form: Form) -> None:
    # Names come in any encoding, where the parser would refuse the whole form for one that is not UTF-8.
    parser = PushMultipartParser(
        boundary, max_header_size=LONGEST_HEADER_BYTES, max_segment_count=MOST_PARTS, header_charset="latin-1"
    )
    writer = _Writer(form)
    total = 0
    try:
        for chunk in chunks:
            total += len(chunk)
            if total > MOST_BYTES:
                raise Problem(413, TOO_MUCH)
            writer.take(parser.parse(chunk))
        parser.close()
    except ParserLimitReached as error:
        raise Problem(413, TOO_MUCH) from error
    except MultipartError as error:
        raise Problem(400, "the body ends too early, or is no multipart/form-data") from error
    finally:
        writer.close()


class _Writer:
    """Writes the files that a parser finds, each up to its limit; of other fields the names are kept."""

    def __init__(self, form: Form) -> None:
        self._files, self._others = form.files, form.others
        self._out: IO[bytes] | None = None
        self._held: list[bytes] = []
        self._may_hold = HELD_BYTES

    def take(self, events: Iterable[MultipartSegment | bytes | bytearray | None]) -> None:
        for event in events:
            if event is None:
                self.close()
            elif isinstance(event, MultipartSegment):
                if is_file(event):
                    self._begin(filename_of(event), field_of(event))
                else:
                    self._others.append(field_of(event))
            elif self._out:
                self._write(bytes(event))

    def _begin(self, filename: str, field: str) -> None:
        if len(self._files) == MOST_FILES:
            raise Problem(413, f"a request has at most {MOST_FILES} files")
        path = part_file()
        # Listed before it is there, so that it is removed whatever happens.
        self._files.append(Received(shown_name(filename) if filename else "", field, path))
        self._out = path.open("xb")

    def _write(self, data: bytes) -> None:
        file = self._files[-1]
        file.bytes += len(data)
        if file.bytes > UPLOADED.max_bytes:
            file.reason = "too-many-bytes"
        elif self._out:
            self._out.write(data)
            self._hold(file, data)

    def _hold(self, file: Received, data: bytes) -> None:
        if len(file.start) < SIGNATURE_BYTES:
            file.start += data[: SIGNATURE_BYTES - len(file.start)]
        if file.bytes <= self._may_hold:
            self._held.append(data)
        else:
            self._held.clear()

    def close(self) -> None:
        if not self._out:
            return
        self._out.close()
        self._out = None
        file = self._files[-1]
        if file.bytes <= self._may_hold:
            file.content = b"".join(self._held)
            self._may_hold -= file.bytes
        self._held.clear()


def examine(file: Received) -> Examined:
    """Return what a file is by its content; raise RejectedImage."""
    if file.reason:
        raise RejectedImage(file.reason)
    if not file.bytes:
        raise RejectedImage("empty")
    name = format_of(file.start)
    if name is None:
        raise RejectedImage("not-an-image")
    if name not in EXTENSIONS:
        raise RejectedImage(f"unsupported-format:{name}")
    if file.content is not None:
        return _examined(name, file.content)
    with _one_large:
        return _examined(name, file.path.read_bytes())


def _examined(name: str, content: bytes) -> Examined:
    header = HEADERS[name](content)
    if min(header.width, header.height) < 1:
        raise RejectedImage("corrupt")
    if header.width * header.height > UPLOADED.max_pixels:
        raise RejectedImage("too-many-pixels")
    return Examined(name, header.width, header.height)
