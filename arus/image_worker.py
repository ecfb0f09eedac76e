"""Images of strangers in a process of their own: a decoder that crashes or hangs costs that process, not its caller.

The child is told a function and the bytes, and answers with the function's result or a reason code; besides those of
arus.image_files there are decoder-crashed, decoder-timeout and decoder-failed:ERROR. What it answers is JSON and bytes,
never a pickle: a decoder that was taken over cannot make its caller run anything.
"""

import contextlib
import dataclasses
import functools
import json
import os
import pickle
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

from arus.errors import ArusError
from arus.image_headers import RejectedImage

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

SECONDS = 5.0
MEMORY_BYTES = 1024 * 1024 * 1024
# A child is replaced after so many images, so that what a decoder leaks cannot add up.
IMAGES_A_CHILD = 5000
START_SECONDS = 60.0
GRACE_SECONDS = 1.0

# What tells that the child is gone, or says what no decoder says.
CRASHES = (OSError, EOFError, ValueError, TypeError)

MOST_ANSWERED_BYTES = 64 * 1024 * 1024
READY = b"R"
# Lengths of the call (a pickle) and of the image, or of the answer (JSON) and of the bytes in it.
LENGTHS = struct.Struct(">QQ")
KEPT_ENV = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
# Threads of linear algebra take memory each, and have nothing to do here. The rest has malloc and Pillow keep one
# image's memory for the next: to get it from the kernel page by page takes up to a seventh of a resize's time.
CHILD_ENV = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TOP_PAD_": str(64 * 1024 * 1024),
    "PILLOW_BLOCKS_MAX": "8",
}


class ImageWorker:
    """Calls functions of image bytes in a child process, started when first needed, and again after it died.

    `seconds`: what one image may take; `memory_bytes`: what the child may hold.
    """

    def __init__(self, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._child: subprocess.Popen[bytes] | None = None
        self._calls = 0

    def __enter__(self) -> "ImageWorker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id, None where none runs."""
        return self._child.pid if self._child else None

    def call(
        self,
        function: Callable[Concatenate[bytes, Arguments], Result],
        data: bytes,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Return function(data, *args, **kwargs), a flat dataclass, from the child; raise RejectedImage.

        An image whose decoder dies gets another one, once: somebody else may have killed it.
        """
        call = pickle.dumps((function, args, kwargs))
        try:
            with contextlib.suppress(*CRASHES):
                return self._call(function, call, data)
            return self._call(function, call, data)
        except CRASHES as error:
            raise RejectedImage("decoder-crashed") from error

    def _call(self, function: Callable[..., Result], call: bytes, data: bytes) -> Result:
        try:
            answer, blob = self._ask(call, data)
            if "reason" in answer:
                raise RejectedImage(str(answer["reason"]))
            return _rebuilt(function, answer, blob)
        except TimeoutError as error:
            raise RejectedImage("decoder-timeout") from error
        except CRASHES:
            self.close()
            raise

    def close(self) -> None:
        """End the child, if there is one."""
        if self._child:
            self._socket.close()
            self._child.kill()
            self._child.wait()
            self._child = None

    def _ask(self, call: bytes, data: bytes) -> tuple[dict[str, Any], bytes]:
        if self._calls >= IMAGES_A_CHILD or (self._child and self._child.poll() is not None):
            self.close()
        if not self._child:
            self._start()
        self._calls += 1
        try:
            until = time.monotonic() + self._seconds
            send(self._socket, call, data, until)
            answer, blob = receive(self._socket, until)
            return json.loads(answer), blob
        except BaseException:
            # Half way through: what this child says next would be taken for the answer to another image.
            self.close()
            raise

    def _start(self) -> None:
        self._calls = 0
        self._socket, theirs = socket.socketpair()
        kept = {name: os.environ[name] for name in KEPT_ENV if name in os.environ}
        path = os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)
        limits = f"{self._seconds!r}, {self._memory_bytes!r}"
        said = b""
        with theirs, contextlib.suppress(OSError):
            self._child = subprocess.Popen(
                [sys.executable, "-c", f"from arus.image_worker import serve; serve({limits})"],
                env=kept | CHILD_ENV | {"PYTHONPATH": path},
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
            )
            theirs.close()
            self._socket.settimeout(START_SECONDS)
            said = self._socket.recv(1)
        if said != READY:
            # No fault of the image: the task fails, and is tried again.
            self._socket.close()
            self.close()
            raise ArusError("the process that decodes images does not start: see what it said above")


def serve(seconds: float, memory_bytes: int) -> None:
    """Answer calls on the socket that is standard input until its other end is closed: the child's main."""
    with socket.socket(fileno=os.dup(0)) as parent:
        _bind_hands(memory_bytes)
        parent.sendall(READY)
        while True:
            try:
                call, data = receive(parent, None)
            except EOFError:
                return
            # Should the caller have died meanwhile, nobody else ends a decoder that hangs.
            signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_SECONDS)
            answer, blob = _answer(call, data)
            signal.setitimer(signal.ITIMER_REAL, 0)
            send(parent, answer, blob, None)


def _bind_hands(memory_bytes: int) -> None:
    """Take from this process what decoding needs none of: more memory, writing files, dumping core."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _answer(call: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Return a function's result as JSON and the one field that is bytes."""
    try:
        function, args, kwargs = pickle.loads(call)  # noqa: S301 (written by our caller)
        fields = vars(function(data, *args, **kwargs))
    except RejectedImage as rejected:
        return json.dumps({"reason": rejected.reason}).encode(), b""
    except MemoryError:
        return json.dumps({"reason": "too-much-memory"}).encode(), b""
    except Exception as error:
        return json.dumps({"reason": f"decoder-failed:{type(error).__name__}"}).encode(), b""
    blobs = [value for value in fields.values() if isinstance(value, bytes)]
    texts = {name: value for name, value in fields.items() if not isinstance(value, bytes)}
    return json.dumps(texts).encode(), b"".join(blobs)


def _rebuilt(function: Callable[..., Result], answer: dict[str, Any], blob: bytes) -> Result:
    """Return the dataclass that `function` returns of the fields in an answer; raise TypeError if they are not its."""
    result_type, types = _result_of(function)
    fields = answer | {name: blob for name, its_type in types.items() if its_type is bytes}
    if {name: type(value) for name, value in fields.items()} != types:
        raise TypeError(f"no {result_type.__name__}: {sorted(fields)}")
    result: Result = result_type(**fields)
    return result


@functools.cache
def _result_of(function: Callable[..., Any]) -> tuple[type[Any], dict[str, type]]:
    """Return the dataclass that a function returns, and the types of its fields, of which one may be bytes."""
    result_type = get_type_hints(function)["return"]
    hints = get_type_hints(result_type)
    return result_type, {field.name: _plain_type(hints[field.name]) for field in dataclasses.fields(result_type)}


def _plain_type(hint: Any) -> type:
    plain: type = getattr(hint, "__origin__", hint)
    return plain


def send(to: socket.socket, head: bytes, body: bytes, until: float | None) -> None:
    """Send two byte strings; raise TimeoutError if they are not taken until then (monotonic seconds)."""
    _limit(to, until)
    to.sendall(LENGTHS.pack(len(head), len(body)) + head)
    _limit(to, until)
    to.sendall(body)


def receive(source: socket.socket, until: float | None) -> tuple[bytes, bytes]:
    """Return two byte strings; raise EOFError where the other end is closed, TimeoutError if they are late."""
    head, body = LENGTHS.unpack(_exactly(source, LENGTHS.size, until))
    if head + body > MOST_ANSWERED_BYTES:
        raise ValueError(f"{head + body} bytes are more than any image or answer has")
    both = _exactly(source, head + body, until)
    return both[:head], both[head:]


def _exactly(source: socket.socket, count: int, until: float | None) -> bytes:
    data = bytearray(count)
    view = memoryview(data)
    while view:
        _limit(source, until)
        got = source.recv_into(view)
        if not got:
            raise EOFError("closed by the other end")
        view = view[got:]
    return bytes(data)


def _limit(end: socket.socket, until: float | None) -> None:
    if until is not None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        end.settimeout(left)
