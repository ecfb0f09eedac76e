"""The pages for people in a real browser, narrow and dark, from a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import browser as chromium
from tests.server.browser import Browser
from tests.server.running import Running

PROGRAM = chromium.found()
MISSING = f"no browser here: none of {', '.join(chromium.NAMES)}"
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]
NARROW, WIDE = (320, 740), (1280, 900)
DARK = [{"name": "prefers-color-scheme", "value": "dark"}]
# What is seen of each step, and the link that is followed then.
STEPS = (
    ("Which cluster does it belong to?", "/models"),
    ("higher is clearer", "/models/1"),
    ("Clusters, by the typical line", "/readyz"),
    ("answers.", "/metrics"),
    ("# HELP arus_http_requests_total", "/"),
)


@pytest.fixture
def page(server: Running, tmp_path: Path) -> Iterator[Browser]:
    assert server.port
    opened = Browser(PROGRAM or "", tmp_path / "profile")
    opened.ask("Emulation.setEmulatedMedia", features=DARK)
    yield opened
    opened.close()


def fits(page: Browser) -> bool:
    """Return whether nothing of a page is beyond its edge, narrow or wide."""
    for width, height in (WIDE, NARROW):
        page.size(width, height)
        if page.run("document.documentElement.scrollWidth") > width:
            return False
    return True


def follow(page: Browser, link: str) -> None:
    assert page.run(f"""!document.querySelector('a[href="{link}"]').click()"""), link


def test_each_page_leads_to_the_next_and_fits(page: Browser, server: Running) -> None:
    page.open(f"http://localhost:{server.port}/", "Try a prediction")
    for text, link in STEPS:
        page.wait_for(text)
        assert fits(page), text
        follow(page, link)
    page.wait_for("Try a prediction")
    page.press_enter_on("form button")
    page.wait_for("Answered by model")
    follow(page, "/customers/17850")
    page.wait_for("WHITE METAL LANTERN")
    assert fits(page)
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(17, 22, 29)"
    assert page.complaints == []
