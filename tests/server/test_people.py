"""What is data for programs is a page for people, at the same address."""

import html
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from arus import models
from server import create_app
from server.catalog import Catalog
from server.numerals import number, share
from server.openapi import OPENAPI
from tests.server import sample
from tests.server.uploading import kept, send

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"}
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
JSON = "application/json"
ROUTES = {
    "/models": JSON,
    "/models/1": JSON,
    "/readyz": JSON,
    "/customers/17850": JSON,
    "/products/85123A": JSON,
    "/countries/United%20Kingdom": JSON,
    "/metrics": "text/plain; version=0.0.4; charset=utf-8",
}


def page_of(client: FlaskClient, path: str, status: int = 200) -> str:
    """Return a page as a browser gets it."""
    response = client.get(path, headers=BROWSER)
    assert (response.status_code, response.content_type) == (status, "text/html; charset=utf-8")
    return response.text


def words_of(page: str) -> str:
    """Return what a page says, without its elements, each run of blanks as one."""
    return html.unescape(re.sub(r"(?:<[^>]*>|\s)+", " ", page))


@pytest.mark.parametrize("path", ROUTES)
def test_a_browser_gets_a_page_that_leads_back(client: FlaskClient, path: str) -> None:
    page = page_of(client, path)
    assert '<nav aria-label="Pages">' in page
    assert page.count("<h1>") == 1


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("accept", ["", "*/*", JSON, "text/plain", PROMETHEUS, "text/*;q=0.1,*/*"])
def test_a_program_gets_data(client: FlaskClient, path: str, accept: str) -> None:
    response = client.get(path, headers={"Accept": accept} if accept else {})
    assert (response.status_code, response.content_type) == (200, ROUTES[path])
    begins = "{" if ROUTES[path] == JSON else "# HELP arus_http_requests_total "
    assert response.text.startswith(begins)


@pytest.mark.parametrize("path", [*ROUTES, "/nothing", "/customers/1", "/images/{}", "/images/x"])
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_caches_are_told_of_it(client: FlaskClient, path: str, accept: str) -> None:
    response = client.get(path.format(kept()), headers={"Accept": accept})
    assert response.headers.getlist("Vary") == ["Accept"]


@pytest.mark.parametrize("path", ["/", "/docs", "/upload", "/openapi.json", "/healthz"])
def test_what_is_the_same_for_all_does_not_say_so(client: FlaskClient, path: str) -> None:
    assert "Vary" not in client.get(path, headers=BROWSER).headers


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_an_upload_says_so_too(client: FlaskClient, accept: str) -> None:
    response = send(client, (b"no picture", "a.jpg"), Accept=accept)
    assert response.headers.getlist("Vary") == ["Accept"]


def test_every_page_is_described(client: FlaskClient) -> None:
    described = {path for path, each in OPENAPI["paths"].items() if is_page(each.get("get"))}
    rules = ("/models", "/models/{number}", "/readyz", "/metrics")
    assert described >= {*rules, "/customers/{name}", "/products/{name}", "/countries/{name}"}
    assert client.get("/healthz", headers=BROWSER).content_type == JSON


def is_page(operation: Any) -> bool:
    return operation is not None and "text/html" in operation["responses"]["200"]["content"]


def test_the_models_page_leads_to_each(client: FlaskClient, catalog: Catalog) -> None:
    (sample.write_model(3) / models.ENTITIES).unlink()
    catalog.refresh()
    page = page_of(client, "/models")
    assert re.findall(r'<a href="/models/(\d+)">', page) == ["2", "1"]
    assert "Damaged, and not used Model 3: " in words_of(page)


def test_a_models_page_tells_what_it_is(client: FlaskClient) -> None:
    said = words_of(page_of(client, "/models/2"))
    for text in (
        *("Trained 2026-11-21 22:02:05 UTC", "Table retail version 52"),
        "Rows used 25,000 of 30,000",
        *("without a customer 6,000", "Left out: cancelled 500", "Promoted yes Because the first"),
        *("Customers (1) Clusters", "k = 3, silhouette 0.430."),
        f"6 {sample.NAMES[1]} 16 4.10 4.10",
        *("No. Name Size recency days invoices revenue", f"1 {sample.NAMES[1]} 11 4.10 4.10 4.10"),
        "Customers als 34.5% 20.0% 1,200 als hits in",
        "Products popularity 10.0% 0.0% 30 only 30",
        "85123A WHITE HANGING HEART 2,100",
    ):
        assert text in said
    assert "champion" not in said
    assert "Model 1 champion" in words_of(page_of(client, "/models/1"))


def test_a_model_that_holds_no_more_than_it_must_has_a_page(client: FlaskClient) -> None:
    found = sample.model_json(3)
    for name in ("recommendations", "period", "seconds"):
        del found[name]
    found["rows"], found["table"] = {"used": 7}, {"version": 1}
    found["promotion"] = {"promoted": False, "why": "mean silhouette 0.100; model 1 has 0.400"}
    for view in found["views"].values():
        del view["profile"], view["entities"]
        for each in view["line"]["clusters"]:
            each["typical"] = {}
    sample.write_model(3, found=found)
    said = words_of(page_of(client, "/models/3"))
    assert "Rows used 7 Promoted no Because mean silhouette 0.100; model 1 has 0.400" in said
    assert f"0 {sample.NAMES[0]} 10 – –" in said


def test_a_customers_page_tells_what_is_known(client: FlaskClient) -> None:
    page = page_of(client, "/customers/17850")
    said = words_of(page)
    for text in (
        f"Customer 17850 Cluster 2: {sample.NAMES[2]}",
        "in segment 1: frequent small baskets",
        "Profile quantity 4.10 unit price 2.10 recency days 12.00",
        "Recommended Product Description Score 71053 WHITE METAL LANTERN 0.8",
    ):
        assert text in said
    assert 'href="/products/71053"' not in page
    assert 'href="/?kind=customer&amp;id=17850&amp;' in page


def test_a_recommended_product_that_is_known_is_a_link(
    client: FlaskClient, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = {"StockCode": "85123A", "Description": "A HOLDER", "score": 0.5}
    monkeypatch.setattr(sample, "RECOMMENDED", [offer])
    sample.write_model(3)
    models.promote(3)
    catalog.refresh()
    assert '<a href="/products/85123A">85123A</a>' in page_of(client, "/customers/17850")


def test_a_product_without_offers_says_where_to_look(
    client: FlaskClient, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "RECOMMENDED", [])
    sample.write_model(3)
    models.promote(3)
    catalog.refresh()
    page = page_of(client, "/products/85123A")
    assert 'Nothing. <a href="/models/3#recommendations">' in page
    assert "WHITE HANGING HEART" in page
    assert 'id="recommendations"' in page_of(client, "/models/3")


def test_a_country_has_no_recommendations(client: FlaskClient) -> None:
    page = page_of(client, "/countries/Bosnia/Herzegovina")
    assert "Country Bosnia/Herzegovina" in words_of(page)
    assert "recommend" not in page.lower()
    assert "curl http://localhost/countries/Bosnia/Herzegovina<" in page


def test_pages_escape_what_they_show(client: FlaskClient, catalog: Catalog) -> None:
    evil = "<script>alert('1')</script>"
    text = json.dumps(sample.model_json(3))
    for shown in (sample.NAMES[1], "the first", "cancelled", "only 30 cases", "WHITE HANGING"):
        text = text.replace(shown, evil)
    folder = sample.write_model(3, found=json.loads(text))
    (folder / models.ENTITIES).unlink()
    sample.write_entities(folder / models.ENTITIES, dict.fromkeys(models.VIEWS, evil))
    models.seal(folder)
    models.promote(3)
    catalog.refresh()
    for path in ("/models/3", f"/customers/{evil}", f"/countries/{evil}", "/", "/docs"):
        page = page_of(client, path)
        assert "<script" not in page
        assert path in ("/", "/docs") or "&lt;script&gt;" in page


def test_the_state_says_which_model_answers(client: FlaskClient, catalog: Catalog) -> None:
    (sample.write_model(3) / models.ENTITIES).unlink()
    models.promote(3)
    catalog.refresh()
    said = words_of(page_of(client, "/readyz"))
    assert "Ready Predictions Model 1 , trained 2026-11-21 22:01:05 (UTC), answers." in said
    assert "Not the one that was chosen: model 3 was chosen, but it is " in said
    assert "Damaged, and not used Model 3: " in said


@pytest.mark.usefixtures("store")
def test_without_a_model_the_state_says_what_makes_one() -> None:
    client = create_app().test_client()
    said = words_of(page_of(client, "/readyz", 503))
    assert "No model is there yet: ./spark-submit.sh retail_train makes one." in said
    assert client.get("/readyz", headers=BROWSER).headers["Retry-After"] == "10"
    assert client.get("/readyz").content_type == "application/problem+json"
    assert "./spark-submit.sh retail_train" in page_of(client, "/models")


def test_the_state_tells_of_pictures_that_wait(client: FlaskClient) -> None:
    kept()
    said = words_of(page_of(client, "/readyz"))
    assert "1 picture waits to be resized. And the job image_resize is not running: ./spark" in said


@pytest.mark.usefixtures("job")
def test_the_state_tells_nothing_of_a_job_that_runs(client: FlaskClient) -> None:
    said = words_of(page_of(client, "/readyz"))
    assert "No picture waits to be resized. For programs" in said


def test_the_metrics_are_shown_as_they_are(client: FlaskClient) -> None:
    said = html.unescape(page_of(client, "/metrics"))
    assert "<code># HELP arus_http_requests_total Requests" in said
    assert 'arus_worker_resident_memory_bytes{pid="' in said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0, "0"), (1234567, "1,234,567"), (4.1, "4.10"), (-1234.5, "-1,234.50"), (0.0, "0.00")),
        *((0.01234, "0.012"), (None, "–"), ("4", "–"), (True, "–")),
    ],
)
def test_a_number_is_shown_with_what_tells_something(value: object, text: str) -> None:
    assert number(value) == text


def test_a_share_is_shown_in_hundredths() -> None:
    assert [share(0.3456), share(None)] == ["34.6%", "–"]
