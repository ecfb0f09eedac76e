"""Images through producer, Kafka, jobs and server, with everything killed on the way."""

import json
import secrets
import uuid
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from kafka import KafkaProducer
from PIL import Image

from producers import images_data
from tests.conftest import Broker, free_port
from tests.e2e.support import drain, everything, kill, positions, python, row_count, submit, table, until, words

pytestmark = pytest.mark.e2e

SENT = 300
UPLOADS = 60
SMALL_BATCHES = ("--conf", "spark.arus.trigger=0 seconds", "--conf", "spark.arus.max-offsets-per-trigger=20")


def killed_half_way(cluster: Broker, job: str, name: str, rows: int) -> None:
    """Run the job until the table has so many rows, then kill its driver."""
    running = submit(cluster, job, *SMALL_BATCHES)
    try:
        until(lambda: row_count(cluster, name) >= rows, f"{rows} rows in {name}")
    finally:
        kill(running.pid)
        words(running)


def test_every_image_is_in_the_table_or_in_the_rejects_once_across_kill_9(cluster: Broker) -> None:
    producer = python(cluster, "-m", "producers.images", "--count", str(SENT), "--seed", "5")
    said = words(producer)
    assert producer.returncode == 0, said
    killed_half_way(cluster, "image_analytics", "tables/images", SENT // 4)
    drain(cluster, "image_analytics")

    kept, rejected = table(cluster, "tables/images"), table(cluster, "rejects/image_analytics")
    places = positions(kept) + positions(rejected)
    assert sorted(places) == everything(cluster, "image-stream")
    assert len(places) == SENT
    assert set(rejected["reason"].to_pylist()) == {"truncated"}
    flags = Counter(flag for flags in kept["flags"].to_pylist() for flag in flags)
    assert {"blurry", "dark", "exact-duplicate", "wrong-extension"} <= flags.keys()
    repeats = [row for row in kept.to_pylist() if "exact-duplicate" in row["flags"]]
    by_place = {f"{row['topic']}-{row['partition']}-{row['offset']}": row["sha256"] for row in kept.to_pylist()}
    assert all(by_place[row["duplicate_of"]] == row["sha256"] for row in repeats)
    manifest = json.loads((cluster.home / "run" / "images.manifest.json").read_text())
    assert SENT in [value for value in manifest.values() if isinstance(value, int)]

    before = kept.num_rows
    drain(cluster, "image_analytics")
    assert row_count(cluster, "tables/images") == before


def send_uploads(cluster: Broker) -> dict[str, str]:
    """Send uploads, some of them no images, and return the status that each must end with."""
    expected: dict[str, str] = {}
    with KafkaProducer(bootstrap_servers=cluster.address) as producer:
        for number, image in enumerate(islice(images_data.pictures(9), UPLOADS)):
            upload = secrets.token_hex(16)
            is_broken = number % 10 == 3
            data = image.data[:100] if is_broken else image.data
            headers = [("filename", f"../{image.filename}".encode())]
            producer.send("image-upload", key=upload.encode(), value=data, headers=headers)
            expected[upload] = "rejected" if is_broken or not _opens(image.data) else "processed"
    return expected


def _opens(data: bytes) -> bool:
    try:
        with Image.open(BytesIO(data)) as image:
            image.load()
    except OSError:
        return False
    return True


def test_every_upload_ends_processed_or_rejected_once_across_kill_9(cluster: Broker) -> None:
    expected = send_uploads(cluster)
    killed_half_way(cluster, "image_resize", "tables/resized", UPLOADS // 4)
    drain(cluster, "image_resize")

    rows = table(cluster, "tables/resized").to_pylist()
    assert {row["id"]: row["status"] for row in rows} == expected
    assert len(rows) == UPLOADS
    folder = cluster.home / "storage" / "processed"
    assert {path.stem: json.loads(path.read_text())["status"] for path in folder.glob("*.json")} == expected
    for upload, status in expected.items():
        assert (folder / f"{upload}.jpg").exists() == (status == "processed")
    for path in folder.glob("*.jpg"):
        with Image.open(path) as image:
            assert image.size == (300, 300)


@pytest.fixture
def server(cluster: Broker) -> Iterator[str]:
    """The address of a server on the cluster's home."""
    port = free_port()
    running = python(cluster, "-m", "server", "--port", str(port))

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return True
        except URLError:
            return False

    try:
        until(answers, "the server")
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        words(running)


def post_file(url: str, name: str, data: bytes) -> dict[str, object]:
    """Upload a file as the seed's curl does, and return the answer."""
    line = uuid.uuid4().hex
    head = f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + data + f"\r\n--{line}--\r\n".encode()
    sent = Request(f"{url}/upload", body, {"Content-Type": f"multipart/form-data; boundary={line}"})
    with urlopen(sent, timeout=30) as answer:
        assert answer.status == 202
        found: dict[str, object] = json.load(answer)
    return found


def test_an_upload_comes_back_in_the_asked_size(cluster: Broker, server: str, tmp_path: Path) -> None:
    accepted = post_file(server, "leaf.jpg", next(images_data.pictures(1)).data)
    drain(cluster, "image_resize")
    with urlopen(f"{server}/images/{accepted['id']}", timeout=30) as answer:
        assert json.load(answer)["status"] == "processed"
    with urlopen(f"{server}/images/{accepted['id']}/result", timeout=30) as answer:
        (tmp_path / "result").write_bytes(answer.read())
    with Image.open(tmp_path / "result") as image:
        assert (image.format, image.size) == ("JPEG", (300, 300))
