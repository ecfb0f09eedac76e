"""Uploads while the job that resizes does not run: every answer says so, and how to start it."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from server import resizer, uploads
from server import store as files
from server.pressure import Limits
from tests.server.uploading import JPEG, kept, process, reject, resizing, send

SAID = "the job image_resize is not running: ./spark-submit.sh image_resize starts it"
BROWSER = {"Accept": "text/html"}


@pytest.fixture
def waiting(client: FlaskClient) -> str:
    """The id of an upload that waits."""
    assert client
    return kept()


def details(client: FlaskClient, upload_id: str) -> list[str | None]:
    """Return what is said of an upload, and of its result."""
    found, result = (client.get(f"/images/{upload_id}{path}").json for path in ("", "/result"))
    assert found
    assert result
    return [found["detail"], result["detail"]]


def test_what_waits_says_why(client: FlaskClient, waiting: str) -> None:
    assert details(client, waiting) == [SAID, f"it is not ready yet: {SAID}"]
    with resizing():
        assert details(client, waiting) == [None, "it is not ready yet: ask again"]


def test_nothing_is_said_of_a_job_of_which_nothing_is_known(
    client: FlaskClient, waiting: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARUS_STORE", "s3a://bucket/arus")
    assert details(client, waiting) == [None, "it is not ready yet: ask again"]
    assert 'id="stalled" role="status" hidden' in client.get("/upload").text
    assert (store / "storage" / "waiting").is_dir()


@pytest.mark.parametrize("path", ["/images/{}", "/upload?id={}"])
def test_a_page_says_so_in_place_of_in_a_moment_and_looks_less_often(
    client: FlaskClient, waiting: str, path: str
) -> None:
    page = client.get(path.format(waiting), headers=BROWSER).text
    assert f'After <span class="soft">{SAID}</span>' in page
    assert '<meta http-equiv="refresh" content="10' in page
    with resizing():
        page = client.get(path.format(waiting), headers=BROWSER).text
    assert 'After <span class="soft">in a moment</span>' in page
    assert f'class="soft">{SAID}' not in page
    assert '<meta http-equiv="refresh" content="10' not in page


def test_what_is_done_tells_of_no_job(client: FlaskClient, waiting: str, store: Path) -> None:
    reject(store, waiting, "corrupt")
    assert details(client, waiting)[0] == "it is damaged"
    process(store, waiting)
    assert client.get(f"/images/{waiting}").json["detail"] is None  # type: ignore[index]


def test_the_page_says_it_before_anything_is_sent(client: FlaskClient) -> None:
    page = client.get("/upload").text
    assert 'id="stalled" role="status">' in page
    assert f"<strong>Nothing is resized now:</strong> {SAID}." in page
    with resizing():
        assert 'id="stalled" role="status" hidden' in client.get("/upload").text


def test_pages_offer_resizing_only_where_it_is_of_use(client: FlaskClient) -> None:
    assert 'href="/upload"' not in client.get("/").text
    with resizing():
        assert client.get("/").text.count('href="/upload"') == 2
    assert client.get("/upload").status_code == 200


@pytest.mark.usefixtures("waiting")
def test_pages_offer_resizing_where_uploads_are_there(client: FlaskClient) -> None:
    assert client.get("/").text.count('href="/upload"') == 2


def test_too_many_that_wait_say_so_too(client: FlaskClient) -> None:
    uploads_of = client.application.extensions["uploads"]
    uploads_of.limits = Limits(waiting_files=0)
    found = send(client, (JPEG, "a.jpg"))
    assert (found.status_code, found.headers["Retry-After"]) == (429, str(uploads.RETRY_SECONDS))
    assert f"wait already: {SAID}" in found.text
    with resizing():
        found = send(client, (JPEG, "a.jpg"))
    assert "wait already: is the job image_resize running?" in found.text


@pytest.mark.usefixtures("app")
def test_uploads_are_there_as_soon_as_there_is_one(store: Path) -> None:
    assert not files.has_uploads()
    (store / "storage" / "uploads").mkdir(parents=True)
    assert not files.has_uploads()
    (store / "storage" / "uploads" / "one").touch()
    assert files.has_uploads()
    assert resizer.is_of_use()
