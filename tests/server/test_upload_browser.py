"""The page in a real browser, with a real server and a real Kafka; the job is stood in for by its files."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.resizer import NOT_RUNNING
from tests.arus.image_samples import picture, saved
from tests.conftest import Broker
from tests.e2e.support import until
from tests.server import browser as chromium
from tests.server.browser import Browser
from tests.server.running import Running
from tests.server.uploading import process, reject, resizing, stored

PROGRAM = chromium.found()
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(PROGRAM is None, reason=f"no browser here: none of {', '.join(chromium.NAMES)}"),
]
NARROW, WIDE = (360, 740), (1200, 900)
NOTICE = "document.getElementById('stalled')"
SHOWN = "[...document.querySelectorAll('.upload .frame img')].filter((one) => one.naturalWidth).length"


@pytest.fixture
def page(broker: Broker, server: Running, tmp_path: Path) -> Iterator[Browser]:
    """A browser, 360 pixels wide."""
    assert broker
    assert server.port
    opened = Browser(PROGRAM or "", tmp_path / "profile")
    opened.size(*NARROW)
    yield opened
    opened.close()


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "pictures"
    folder.mkdir()
    files = {
        "one & only.jpg": saved(picture(400, 1), "JPEG"),
        "two.png": saved(picture(300, 2), "PNG"),
        "three.jpg": b"no picture",
        "empty.jpg": b"",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def waiting(store: Path) -> list[str]:
    return [name.partition(".")[0] for name in stored(store, "waiting")]


@pytest.mark.usefixtures("job")
def test_pictures_are_uploaded_and_shown_before_and_after(
    page: Browser, server: Running, store: Path, pictures: list[Path]
) -> None:
    page.open(f"http://localhost:{server.port}/upload", '<span id="or-drop">')
    page.choose("#file", *pictures)
    page.press_enter_on("#form button")
    page.wait_for("0 of 4 done, 2 refused.")
    found = page.wait_for("It is no image: by its content it is none of JPEG, PNG and WebP.")
    assert "It is empty." in found
    until(lambda: len(waiting(store)) == 2, "two uploads that wait")
    for upload_id in waiting(store):
        process(store, upload_id)
    found = page.wait_for("2 of 4 done, 2 refused.")
    assert re.search(r'id="zip"[^>]*href="/images\.zip\?id=[0-9a-f]{32}&amp;id=[0-9a-f]{32}"', found)
    assert "300 × 300" in found
    page.run("new Promise((go) => setTimeout(go, 500))")
    # Two before and two after; of the refused ones there is nothing to see.
    assert page.run(SHOWN) == 4
    for width, height in (NARROW, WIDE):
        page.size(width, height)
        assert page.run("document.documentElement.scrollWidth") <= width
    assert [one for one in page.complaints if "415" not in one and "422" not in one] == []


def test_who_uploads_while_the_job_does_not_run_is_told_so_until_it_does(
    page: Browser, server: Running, store: Path, pictures: list[Path]
) -> None:
    page.open(f"http://localhost:{server.port}/upload", '<span id="or-drop">')
    said = f"Nothing is resized now: {NOT_RUNNING}. Until then, what you send waits."
    assert page.run(f"{NOTICE}.innerText.trim()") == said
    page.choose("#file", pictures[0])
    page.press_enter_on("#form button")
    page.wait_for(f">{NOT_RUNNING}</span>")
    assert page.run("document.documentElement.scrollWidth") <= NARROW[0]
    with resizing():
        page.wait_for(">in a moment</span>")
        assert page.run(f"{NOTICE}.hidden")
    page.wait_for(f">{NOT_RUNNING}</span>")
    process(store, waiting(store)[0])
    page.wait_for("1 of 1 done.")
    assert page.run(f"{NOTICE}.hidden")
    assert page.complaints == []


@pytest.mark.usefixtures("job")
def test_without_script_the_form_does_it(page: Browser, server: Running, store: Path, pictures: list[Path]) -> None:
    page.ask("Emulation.setScriptExecutionDisabled", value=True)
    page.open(f"http://localhost:{server.port}/upload", "Upload &amp; Resize")
    page.choose("#file", *pictures[:2])
    page.press_enter_on("#form button")
    page.wait_for("0 of 2 done.")
    one, other = waiting(store)
    process(store, one)
    reject(store, other, "corrupt")
    found = page.wait_for("1 of 2 done.")
    assert "It was refused: it is damaged." in found
    assert f'src="/images/{one}/result"' in found
    assert page.complaints == []
