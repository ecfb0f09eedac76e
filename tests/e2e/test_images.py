"""Images through producer, Kafka, jobs and server, with everything killed on the way."""

import json
import secrets
import subprocess
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

UPLOADS = 240
MOST_A_BATCH = 20
SMALL_BATCHES = (
    *("--conf", "spark.arus.trigger=0 seconds"),
    *("--conf", f"spark.arus.max-offsets-per-trigger={MOST_A_BATCH}"),
)


def processes_below(pid: int, word: str) -> list[int]:
    """Return the processes below one whose command line has the word, their parents before them."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True)
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    found, parents = [], [pid]
    while parents:
        below = [(int(each[0]), each[2]) for each in rows if int(each[1]) in parents]
        found += [number for number, command in below if word in command]
        parents = [number for number, _ in below]
    return found


def all_killed_on_the_way(cluster: Broker, job: str, name: str, rows: int) -> None:
    """Run the job; while its table gets so many rows, kill a Python worker, a decoder, the broker and the driver."""
    running = submit(cluster, job, *SMALL_BATCHES)

    def reach(share: float) -> None:
        wanted = int(rows * share)
        until(lambda: row_count(cluster, name) >= wanted or running.poll() is not None, f"{wanted} rows in {name}")
        assert running.poll() is None, words(running)

    try:
        reach(0.15)
        kill(processes_below(running.pid, "pyspark.daemon")[-1])
        reach(0.3)
        kill(processes_below(running.pid, "arus.image_worker")[-1])
        reach(0.45)
        kill(cluster.pid)
        assert cluster.arus("broker", "start").returncode == 0
        reach(0.7)
        assert row_count(cluster, name) < rows - MOST_A_BATCH, "there is nothing left to be cut off"
    finally:
        kill(running.pid)
        words(running)


@pytest.mark.parametrize("sent", [300, pytest.param(2_000, marks=pytest.mark.long)])
def test_every_image_is_in_the_table_or_in_the_rejects_once_across_kill_9(cluster: Broker, sent: int) -> None:
    producer = python(cluster, "-m", "producers.images", "--count", str(sent), "--seed", "5")
    said = words(producer)
    assert producer.returncode == 0, said
    all_killed_on_the_way(cluster, "image_analytics", "tables/images", sent)
    drain(cluster, "image_analytics")

    kept, rejected = table(cluster, "tables/images"), table(cluster, "rejects/image_analytics")
    places = positions(kept) + positions(rejected)
    assert sorted(places) == everything(cluster, "image-stream")
    assert len(places) == sent
    assert set(rejected["reason"].to_pylist()) == {"truncated"}
    flags = Counter(flag for flags in kept["flags"].to_pylist() for flag in flags)
    assert {"blurry", "dark", "exact-duplicate", "wrong-extension"} <= flags.keys()
    repeats = [row for row in kept.to_pylist() if "exact-duplicate" in row["flags"]]
    by_place = {f"{row['topic']}-{row['partition']}-{row['offset']}": row["sha256"] for row in kept.to_pylist()}
    assert all(by_place[row["duplicate_of"]] == row["sha256"] for row in repeats)
    manifest = json.loads((cluster.home / "run" / "images.manifest.json").read_text())
    assert (manifest["sent"], manifest["complete"]) == (sent, True)
    counts = json.loads((cluster.home / "run" / "image_analytics.counts.json").read_text())["counts"]
    groups = Counter((row["plant"], row["disease"], row["format"]) for row in kept.to_pylist())
    assert {(row["plant"], row["disease"], row["format"]): row["images"] for row in counts} == groups
    account = cluster.arus("images", "consumed").stdout
    assert f"sent {sent:,}, stored {kept.num_rows:,}, rejected {rejected.num_rows:,}: nothing is missing" in account

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
    all_killed_on_the_way(cluster, "image_resize", "tables/resized", UPLOADS)
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
