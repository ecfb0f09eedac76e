"""Uploads for the server's tests: bodies written by hand, and a job that is stood in for by its files."""

import io
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from kafka import KafkaConsumer, TopicPartition
from PIL import Image
from werkzeug.test import TestResponse

from arus import locks
from arus.schemas import IMAGE_UPLOAD
from server import store as files
from tests.arus.image_samples import jpeg, picture, saved
from tests.conftest import Broker

BOUNDARY = "----a-boundary-of-the-tests"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
JPEG = jpeg(96)
PNG = saved(picture(64), "PNG")
WEBP = saved(picture(48), "WEBP")
RESULT = jpeg(300, 9)


@contextmanager
def held(job: str) -> Iterator[None]:
    """Hold the lock of a job in another process, as the job's JVM does."""
    hold = (
        "import fcntl, sys; file = open(sys.argv[1], 'a'); fcntl.lockf(file, fcntl.LOCK_EX);"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(locks.path_of(f"checkpoints/{job}"))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate()


def resizing() -> AbstractContextManager[None]:
    return held("image_resize")


def part(content: bytes, filename: bytes | str | None, name: str = "file") -> bytes:
    """Return a part as browsers write it; bytes as a name go as they are."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'.encode()
    if filename is not None:
        shown = filename if isinstance(filename, bytes) else _escaped(filename)
        head += b'; filename="' + shown + b'"\r\nContent-Type: application/octet-stream'
    return head + b"\r\n\r\n" + content + b"\r\n"


def _escaped(name: str) -> bytes:
    text = name.encode("utf-8", "surrogatepass")
    return text.replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def post(client: FlaskClient, sent: bytes, **headers: str) -> TestResponse:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        "/upload", input_stream=io.BytesIO(sent), content_length=len(sent), content_type=FORM, headers=found
    )


def send(client: FlaskClient, *files: tuple[bytes, str], **headers: str) -> TestResponse:
    return post(client, body(*(part(content, name) for content, name in files)), **headers)


def accepted(client: FlaskClient, content: bytes = JPEG, name: str = "leaf.jpg") -> str:
    """Upload one image; return its id."""
    response = send(client, (content, name))
    assert response.status_code == 202, response.text
    return str(response.json["id"]) if response.json else ""


def kept(filename: str = "my leaf.jpeg", content: bytes = JPEG) -> str:
    """Store an upload as the server does, without a Kafka; return its id."""
    files.prepare()
    accepted_at = "2026-11-21T22:00:00.000Z"
    size = len(content)
    upload = files.Upload(files.new_id(), filename, "JPEG", 96, 96, size, accepted_at)
    part = files.part_file()
    part.write_bytes(content)
    files.keep(upload, part)
    files.mark_waiting(upload)
    return upload.id


def process(home: Path, upload_id: str, content: bytes = RESULT, extension: str = "jpg") -> None:
    """Leave what the job leaves of an image that it could use."""
    width, height = Image.open(io.BytesIO(content)).size
    after = {"format": "JPEG", "width": width, "height": height, "bytes": len(content)}
    _answer(
        home, upload_id, {"status": "processed", "reason": None, "path": f"storage/processed/{upload_id}.jpg", **after}
    )
    (home / "storage" / "processed" / f"{upload_id}.{extension}").write_bytes(content)


def reject(home: Path, upload_id: str, reason: str) -> None:
    nothing = dict.fromkeys(("path", "format", "width", "height", "bytes"))
    _answer(home, upload_id, {"status": "rejected", "reason": reason, **nothing})


def _answer(home: Path, upload_id: str, found: dict[str, Any]) -> None:
    source = {"source_format": "JPEG", "source_width": 96, "source_height": 96}
    worker = {"host": "worker-1", "pid": 7, "task": 3}
    times = {"accepted_at": "2026-11-21T22:00:00.125Z", "finished_at": "2026-11-21T22:00:00.250Z"}
    folder = home / "storage" / "processed"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{upload_id}.json").write_text(json.dumps({"id": upload_id, **found, **source, **worker, **times}))


def stored(home: Path, folder: str = "uploads") -> list[str]:
    found = home / "storage" / folder
    return sorted(file.name for file in found.iterdir()) if found.is_dir() else []


def messages(broker: Broker) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Return value and headers of every upload that the topic holds, by id."""
    consumer = KafkaConsumer(bootstrap_servers=broker.address)
    try:
        partitions = [TopicPartition(IMAGE_UPLOAD, number) for number in consumer.partitions_for_topic(IMAGE_UPLOAD)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = sum(consumer.end_offsets(partitions).values())
        come: list[Any] = []
        while len(come) < ends:
            come += itertools.chain.from_iterable(consumer.poll(timeout_ms=500).values())
        return {one.key.decode(): (one.value, {name: text.decode() for name, text in one.headers}) for one in come}
    finally:
        consumer.close()
