"""What became of an upload: its state, its pictures, and several as a ZIP. The job is stood in for by its files."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.zipping import Member, safe_name, zipped
from tests.arus.test_image_names import hostile_names
from tests.server.uploading import JPEG, RESULT, kept, process, reject, resizing

UNKNOWN = "0" * 32
Keep = Callable[..., str]


@pytest.fixture
def keep(store: Path) -> Keep:
    """Stores an upload as the server does, without a Kafka."""
    assert store
    return kept


def state(client: FlaskClient, upload_id: str) -> Any:
    response = client.get(f"/images/{upload_id}")
    assert (response.status_code, response.content_type) == (200, "application/json")
    return response.json


def test_a_processed_image_is_answered_with_what_it_was_and_is(client: FlaskClient, store: Path, keep: Keep) -> None:
    upload_id = keep()
    assert state(client, upload_id)["status"] == "waiting"
    process(store, upload_id)
    assert state(client, upload_id) == {
        "id": upload_id,
        "filename": "my leaf.jpeg",
        "status": "processed",
        "reason": None,
        "detail": None,
        "before": {"format": "JPEG", "width": 96, "height": 96, "bytes": len(JPEG)},
        "after": {"format": "JPEG", "width": 300, "height": 300, "bytes": len(RESULT)},
        "accepted_at": "2026-11-21T22:00:00.000Z",
        "finished_at": "2026-11-21T22:00:00.250Z",
        "links": {
            "self": f"/images/{upload_id}",
            "original": f"/images/{upload_id}/original",
            "result": f"/images/{upload_id}/result",
        },
    }


def test_a_rejected_image_says_why_in_words(client: FlaskClient, store: Path, keep: Keep) -> None:
    upload_id = keep()
    reject(store, upload_id, "decoder-timeout")
    found = state(client, upload_id)
    assert (found["status"], found["reason"], found["detail"], found["after"]) == (
        "rejected",
        "decoder-timeout",
        "decoding it took too long",
        None,
    )
    assert "result" not in found["links"]


def test_an_image_that_came_by_another_way_has_a_state_too(client: FlaskClient, store: Path) -> None:
    process(store, UNKNOWN)
    found = state(client, UNKNOWN)
    assert (found["filename"], found["before"]["width"], found["links"].get("original")) == (UNKNOWN, 96, None)


@pytest.mark.parametrize(
    "name", [UNKNOWN, "x", "0" * 31, "A" * 32, "0" * 33, "..", "%2e%2e", "0" * 32 + ".json", "x" * 5000]
)
@pytest.mark.parametrize(
    "path", ["/images/{}", "/images/{}/result", "/images/{}/original", "/images.zip?id={}", "/upload?id={}"]
)
def test_what_is_not_there_is_not_found(client: FlaskClient, path: str, name: str) -> None:
    response = client.get(path.format(name))
    assert (response.status_code, response.content_type) == (404, "application/problem+json")


def test_a_result_is_a_picture_that_never_changes(client: FlaskClient, store: Path, keep: Keep) -> None:
    upload_id = keep()
    process(store, upload_id)
    with client.get(f"/images/{upload_id}/result") as response:
        assert (response.status_code, response.content_type, response.data) == (200, "image/jpeg", RESULT)
        headers = response.headers
    assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'; sandbox" in headers.getlist("Content-Security-Policy")
    assert "Content-Disposition" not in headers or headers["Content-Disposition"].startswith("inline")
    with client.get(f"/images/{upload_id}/result", headers={"If-None-Match": headers["ETag"]}) as again:
        assert (again.status_code, again.data) == (304, b"")


def test_an_original_is_what_was_uploaded_byte_for_byte(client: FlaskClient, keep: Keep) -> None:
    polyglot = JPEG + b"<html><script>alert(1)</script>"
    upload_id = keep(content=polyglot)
    with client.get(f"/images/{upload_id}/original") as response:
        assert (response.content_type, response.data) == ("image/jpeg", polyglot)
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["leaf.png", "my leaf.jpg", "葉.jpg", 'a".jpg', "a;b.jpg", "a\u202e.jpg"])
def test_a_download_has_the_name_it_came_with(client: FlaskClient, store: Path, keep: Keep, name: str) -> None:
    upload_id = keep(name)
    process(store, upload_id)
    with client.get(f"/images/{upload_id}/result?download") as response:
        given = response.headers["Content-Disposition"]
    assert given.startswith("attachment; filename")
    assert "\n" not in given


@pytest.mark.parametrize("path", ["/images/{}/result", "/images.zip?id={}"])
def test_a_result_that_is_not_ready_says_when_to_come_again(
    client: FlaskClient, store: Path, keep: Keep, path: str
) -> None:
    upload_id = keep()
    response = client.get(path.format(upload_id))
    assert (response.status_code, response.headers.get("Retry-After")) == (409, "1")
    reject(store, upload_id, "corrupt")
    response = client.get(path.format(upload_id))
    assert (response.status_code, response.headers.get("Retry-After")) == (409, None)
    assert response.json
    assert response.json["detail"] == "it was refused: it is damaged"


def test_several_results_come_as_one_archive(client: FlaskClient, store: Path, keep: Keep) -> None:
    ids = [keep(name) for name in ("leaf.png", "LEAF.jpeg", "a:b?.jpg", "waits.jpg")]
    for upload_id in ids[:3]:
        process(store, upload_id)
    query = "&".join(f"id={upload_id}" for upload_id in [*ids, ids[0]])
    response = client.get(f"/images.zip?{query}")
    assert (response.status_code, response.content_type) == (200, "application/zip")
    assert response.headers["Content-Disposition"] == "attachment; filename=images.zip"
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["leaf.jpg", "LEAF (2).jpg", "a_b_.jpg"]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.read("leaf.jpg") == RESULT


def test_an_archive_is_sent_as_it_is_written(tmp_path: Path) -> None:
    picture = tmp_path / "picture"
    picture.write_bytes(bytes(100_000))
    pieces = zipped(
        [Member("a", "jpg", picture), Member("gone", "jpg", tmp_path / "none"), Member("b", "jpg", picture)]
    )
    assert len(next(pieces)) > 100_000
    rest = b"".join(pieces)
    assert len(rest) > 100_000


def test_names_in_an_archive_are_safe_on_any_system() -> None:
    for name in hostile_names(500):
        safe = safe_name(name, "jpg")
        assert re.fullmatch(r'[^<>:"/\\|?*\0-\x1f]+\.jpg', safe), safe
        assert not safe.startswith((".", " "))
    assert [safe_name(name, "jpg") for name in ("con.png", "..", "a.b.png", "NUL")] == [
        "_con.jpg",
        "unnamed.jpg",
        "a.b.jpg",
        "_NUL.jpg",
    ]


def test_an_archive_has_its_bounds(client: FlaskClient) -> None:
    assert client.get("/images.zip").status_code == 422
    response = client.get("/images.zip?" + "&".join(f"id={number:032x}" for number in range(101)))
    assert response.status_code == 422
    assert response.json
    assert response.json["detail"] == "101 are named, but 100 are the most"


def test_a_picture_that_is_gone_is_not_found(client: FlaskClient, store: Path, keep: Keep) -> None:
    upload_id = keep()
    process(store, upload_id)
    (store / "storage" / "processed" / f"{upload_id}.jpg").unlink()
    assert client.get(f"/images/{upload_id}/result").status_code == 404


@pytest.mark.parametrize("text", ["{", "", "[1]", '{"a": 1}', '{"status": "processed"}'])
def test_an_answer_of_the_job_that_is_damaged_is_said(client: FlaskClient, store: Path, keep: Keep, text: str) -> None:
    upload_id = keep()
    process(store, upload_id)
    (store / "storage" / "processed" / f"{upload_id}.json").write_text(text)
    response = client.get(f"/images/{upload_id}")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


def test_a_browser_gets_a_page_that_comes_again_while_it_waits(client: FlaskClient, store: Path, keep: Keep) -> None:
    upload_id = keep("<i>.jpg")
    headers = {"Accept": "text/html"}
    with resizing():
        page = client.get(f"/images/{upload_id}", headers=headers).text
    assert '<meta http-equiv="refresh" content="1">' in page
    assert "<h1>&lt;i&gt;.jpg</h1>" in page
    process(store, upload_id)
    page = client.get(f"/images/{upload_id}", headers=headers).text
    assert 'http-equiv="refresh"' not in page
    assert f'<img src="/images/{upload_id}/original" alt="Before: &lt;i&gt;.jpg">' in page
    assert f'<img src="/images/{upload_id}/result" alt="After: &lt;i&gt;.jpg">' in page


def test_the_page_of_several_offers_them_as_an_archive(client: FlaskClient, store: Path, keep: Keep) -> None:
    ids = [keep(), keep()]
    for upload_id in ids:
        process(store, upload_id)
    page = client.get(f"/upload?id={ids[0]}&id={ids[1]}").text
    assert f'href="/images.zip?id={ids[0]}&amp;id={ids[1]}"' in page
    assert json.dumps(ids[0]) not in page


def test_the_page_keeps_to_the_policy_and_every_input_has_a_label(client: FlaskClient) -> None:
    response = client.get("/upload")
    page = response.text
    assert "img-src 'self' blob:" in response.headers["Content-Security-Policy"]
    assert not [word for word in ("style=", "<style", "onclick", "javascript:", "http://", "https://") if word in page]
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]
    assert '<label for="file">' in page
    assert "<button>Upload &amp; Resize</button>" in page
