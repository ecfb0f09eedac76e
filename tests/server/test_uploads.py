"""Images that are accepted: where they lie, what Kafka gets, and what is answered."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server import queueing, receiving
from server.pressure import Limits
from server.resizer import NOT_RUNNING
from server.store import ID
from tests.arus.image_samples import jpeg, picture, saved
from tests.arus.test_image_names import hostile_names
from tests.conftest import Broker
from tests.server.uploading import (
    JPEG,
    PNG,
    WEBP,
    accepted,
    body,
    messages,
    part,
    post,
    process,
    reject,
    send,
    stored,
)

pytestmark = pytest.mark.e2e
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MEDIUM = saved(picture(300).effect_spread(300), "PNG")
LARGE = saved(picture(700).effect_spread(700), "PNG")


@pytest.fixture
def app(broker: Broker, app: Flask) -> Flask:
    """The application, with a Kafka."""
    assert broker
    return app


def waiting(upload_id: str, filename: str, image_format: str, side: int, size: int) -> dict[str, Any]:
    """Return what is answered of an upload that waits; its time is left out."""
    return {
        "id": upload_id,
        "filename": filename,
        "status": "waiting",
        "reason": None,
        "detail": NOT_RUNNING,
        "before": {"format": image_format, "width": side, "height": side, "bytes": size},
        "after": None,
        "finished_at": None,
        "links": {"self": f"/images/{upload_id}", "original": f"/images/{upload_id}/original"},
    }


def test_an_image_is_stored_and_sent_and_answered_with_its_id(client: FlaskClient, store: Path, broker: Broker) -> None:
    response = send(client, (JPEG, "my leaf.jpg"))
    assert (response.status_code, response.content_type) == (202, "application/json")
    found: Any = response.json
    upload_id = found["id"]
    assert ID.fullmatch(upload_id)
    assert TIME.fullmatch(found["uploads"][0].pop("accepted_at"))
    assert found == {
        "id": upload_id,
        "uploads": [waiting(upload_id, "my leaf.jpg", "JPEG", 96, len(JPEG))],
        "refused": [],
    }
    assert stored(store) == [f"{upload_id}.jpg", f"{upload_id}.json"]
    assert (store / "storage" / "uploads" / f"{upload_id}.jpg").read_bytes() == JPEG
    assert messages(broker)[upload_id] == (JPEG, {"filename": "my leaf.jpg", "content-type": "image/jpeg"})


def test_the_content_decides_the_format_not_the_name(client: FlaskClient, store: Path, broker: Broker) -> None:
    ids = {
        accepted(client, PNG, "a.jpg"): "png",
        accepted(client, WEBP, "b.gif"): "webp",
        accepted(client, JPEG, "c"): "jpg",
    }
    originals = [name for name in stored(store) if not name.endswith(".json")]
    assert originals == sorted(f"{upload_id}.{extension}" for upload_id, extension in ids.items())
    sent = messages(broker)
    assert [sent[upload_id][1]["content-type"] for upload_id in ids] == ["image/png", "image/webp", "image/jpeg"]


@pytest.mark.parametrize(("most", "by_reference"), [(len(PNG), False), (len(PNG) - 1, True)])
def test_a_large_image_is_sent_by_reference(
    client: FlaskClient, broker: Broker, monkeypatch: pytest.MonkeyPatch, most: int, by_reference: bool
) -> None:
    monkeypatch.setattr(queueing, "MOST_SENT_BYTES", most)
    upload_id = accepted(client, PNG, "leaf.png")
    headers = {"filename": "leaf.png", "content-type": "image/png"}
    reference = {"file": f"{upload_id}.png"}
    assert messages(broker)[upload_id] == ((b"", headers | reference) if by_reference else (PNG, headers))


def test_files_of_any_size_are_kept_byte_for_byte(client: FlaskClient, store: Path) -> None:
    assert len(MEDIUM) < receiving.HELD_BYTES < len(LARGE)
    # Four of the medium ones are more than a request may hold in memory.
    contents = [PNG, *[MEDIUM] * 4, LARGE, PNG]
    found: Any = send(client, *[(content, "leaf.png") for content in contents]).json
    ids = [one["id"] for one in found["uploads"]]
    assert [(store / "storage" / "uploads" / f"{one}.png").read_bytes() for one in ids] == contents


def test_several_images_are_accepted_in_their_order(client: FlaskClient) -> None:
    response = send(client, *[(jpeg(side), f"{side}.jpg") for side in range(20, 40)])
    found: Any = response.json
    assert response.status_code == 202
    assert [one["filename"] for one in found["uploads"]] == [f"{side}.jpg" for side in range(20, 40)]
    assert "id" not in found


def test_of_several_images_the_good_ones_are_accepted_and_the_others_named(client: FlaskClient, store: Path) -> None:
    response = send(client, (JPEG, "a.jpg"), (b"hello", "b.jpg"), (PNG, "c.png"), (b"", "d.png"))
    found: Any = response.json
    assert response.status_code == 202
    assert [one["filename"] for one in found["uploads"]] == ["a.jpg", "c.png"]
    assert found["refused"] == [
        {
            "filename": "b.jpg",
            "reason": "not-an-image",
            "detail": "it is no image: by its content it is none of JPEG, PNG and WebP",
        },
        {"filename": "d.png", "reason": "empty", "detail": "it is empty"},
    ]
    assert len(stored(store)) == 4


def test_other_fields_of_the_form_are_passed_over(client: FlaskClient) -> None:
    sent = body(part(b"x" * 300_000, None, "note"), part(PNG, "x.png", "other"), part(JPEG, "a.jpg"))
    found: Any = post(client, sent).json
    assert [one["filename"] for one in found["uploads"]] == ["a.jpg"]


def test_images_of_the_usual_fields_are_accepted_under_their_names(client: FlaskClient) -> None:
    extended = part(PNG, b"b.png", "files[]").replace(b'"b.png"', b"\"b.png\"; filename*=UTF-8''%E8%91%89.png")
    found: Any = post(client, body(part(JPEG, "a.jpg", "image"), extended)).json
    assert [one["filename"] for one in found["uploads"]] == ["a.jpg", "\u8449.png"]


def test_no_name_of_a_file_reaches_the_file_system(client: FlaskClient, store: Path) -> None:
    before = {file for file in store.rglob("*") if "storage" not in file.parts}
    names = [name for name in hostile_names(500) if name]
    shown = []
    for first in range(0, len(names), 20):
        response = send(client, *[(PNG, name) for name in names[first : first + 20]])
        assert response.status_code == 202, (names[first : first + 20], response.text)
        shown += [one["filename"] for one in response.json["uploads"]] if response.json else []
    assert len(shown) == len(names)
    assert all(name.isprintable() and not re.search(r"[/\\]", name) for name in shown)
    assert {file for file in store.rglob("*") if "storage" not in file.parts} == before
    assert all(re.fullmatch(r"[0-9a-f]{32}\.(png|json)", name) for name in stored(store))
    assert len(stored(store)) == 2 * len(names)


@pytest.mark.parametrize("name", [b"\xff\xfe.jpg", b"../../x.jpg", b"a\0b.jpg", b"%00", b"a;b=c.jpg", b"\\\\host\\x"])
def test_names_that_no_browser_writes_end_well(client: FlaskClient, store: Path, name: bytes) -> None:
    response = post(client, body(part(PNG, name)))
    assert response.status_code in (202, 400)
    assert all(re.fullmatch(r"[0-9a-f]{32}\.(png|json)", file) for file in stored(store))


@pytest.mark.usefixtures("job")
def test_a_form_without_script_gets_a_page_that_comes_again_until_all_are_done(
    client: FlaskClient, store: Path
) -> None:
    response = send(client, (JPEG, "<b>.jpg"), (PNG, "b.png"), Accept="text/html", Sec_Fetch_Site="same-origin")
    assert (response.status_code, response.content_type) == (202, "text/html; charset=utf-8")
    assert response.headers.getlist("Vary") == ["Accept"]
    address = re.search(r'http-equiv="refresh" content="2; url=([^"]+)"', response.text)
    assert address
    assert "&lt;b&gt;.jpg" in response.text
    one, other = re.findall(r"id=([0-9a-f]{32})", address[1])
    process(store, one)
    page = client.get(address[1].replace("&amp;", "&")).text
    assert "1 of 2 done." in page
    assert 'http-equiv="refresh"' in page
    reject(store, other, "corrupt")
    page = client.get(address[1].replace("&amp;", "&")).text
    assert f'src="/images/{one}/result"' in page
    assert "It was refused: it is damaged." in page
    assert 'http-equiv="refresh"' not in page


def test_a_page_says_what_is_wrong_with_a_file_and_stays(client: FlaskClient) -> None:
    page = send(client, (JPEG, "a.jpg"), (b"x", "<b>.jpg"), Accept="text/html").text
    assert "<strong>&lt;b&gt;.jpg</strong>: it is no image: by its content it is none of JPEG, PNG and WebP." in page
    assert 'http-equiv="refresh"' not in page
    assert "See how far they are" in page


def test_what_waits_is_bounded_and_room_is_made_when_the_job_answers(app: Flask, store: Path) -> None:
    client, uploads = app.test_client(), app.extensions["uploads"]
    uploads.limits = Limits(waiting_files=2)
    ids = [accepted(client), accepted(client)]
    response = send(client, (JPEG, "a.jpg"))
    assert (response.status_code, response.headers["Retry-After"]) == (429, "5")
    assert response.json
    assert response.json["detail"] == f"2 images (0 MB) wait already: {NOT_RUNNING}"
    assert len(stored(store)) == 4
    process(store, ids[0])
    uploads.backlog._looked -= 1
    accepted(client)
    assert len(stored(store, "waiting")) == 2


def test_what_waits_is_bounded_in_bytes_too(app: Flask) -> None:
    app.extensions["uploads"].limits = Limits(waiting_bytes=len(JPEG))
    client = app.test_client()
    accepted(client)
    assert send(client, (JPEG, "a.jpg")).status_code == 429


def test_what_waits_is_known_to_all_workers_and_after_a_restart(app: Flask) -> None:
    from server.pressure import Backlog

    accepted(app.test_client())
    assert Backlog().size() == (1, len(JPEG))


def test_uploads_are_counted_by_what_became_of_them(client: FlaskClient) -> None:
    send(client, (JPEG, "a.jpg"), (PNG, "b.png"), (b"x", "c.jpg"))
    text = client.get("/metrics").text
    for line in (
        'arus_uploads_total{outcome="accepted"} 2',
        'arus_uploads_total{outcome="refused"} 1',
        'arus_uploads_total{outcome="unsent"} 0',
        "arus_uploads_waiting 2",
        f"arus_uploads_waiting_bytes {len(JPEG) + len(PNG)}",
    ):
        assert f"{line}\n" in text


def test_a_forked_process_makes_its_own_connection(app: Flask) -> None:
    client = app.test_client()
    accepted(client)
    if (pid := os.fork()) == 0:
        code = 1
        try:
            code = int(send(client, (JPEG, "a.jpg")).status_code != 202)
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    accepted(client)
