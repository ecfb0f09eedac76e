"""/metrics, and the counters behind it."""

import os
import re
import threading

import pytest
from flask.testing import FlaskClient

from arus import models
from server.catalog import Catalog, Snapshot
from server.counters import BUCKET_SECONDS, MOST_ROUTES, Counters
from server.exposition import text_of
from tests.server import sample

SAMPLE = re.compile(r'([a-z_]+)(\{[a-z]+="(?:[^"\\]|\\.)*"(?:,[a-z]+="(?:[^"\\]|\\.)*")*\})? ([-+0-9.e]+)')


def samples(text: str) -> dict[str, float]:
    """Return each sample of an exposition, which must keep to the format."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match, line
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_requests_are_counted_by_route_method_and_status(client: FlaskClient) -> None:
    for path in ("/models", "/models", "/models/1", "/models/9", "/nothing", "/customers/1"):
        client.get(path)
    client.delete("/models")
    client.open("/models", method="BREW")
    client.get("/models", headers={"Host": "evil.example"})
    text = client.get("/metrics").text
    counted = {name: value for name, value in samples(text).items() if name.startswith("arus_http_requests_total")}
    assert counted == {
        f'arus_http_requests_total{{route="{route}",method="{method}",status="{status}"}}': count
        for route, method, status, count in [
            ("/models", "GET", "200", 2),
            ("/models", "GET", "421", 1),
            ("/models/<number>", "GET", "200", 1),
            ("/models/<number>", "GET", "404", 1),
            ("/customers/<path:name>", "GET", "404", 1),
            ("unmatched", "GET", "404", 1),
            ("unmatched", "other", "405", 2),
        ]
    }


def test_the_models_are_measured(client: FlaskClient, catalog: Catalog) -> None:
    (sample.write_model(3) / models.SUMS).unlink()
    catalog.refresh()
    found = samples(client.get("/metrics").text)
    views = {f'arus_champion_silhouette{{view="{view}"}}': 0.43 for view in models.VIEWS}
    expected = {
        "arus_models": 2,
        "arus_models_damaged": 1,
        "arus_model_loads_total": 2,
        "arus_model_refusals_total": 1,
        "arus_champion_model": 1,
        "arus_workers": 1,
        **views,
    }
    assert {name: found[name] for name in expected} == expected
    assert "arus_champion_age_seconds" in found
    assert found[f'arus_worker_resident_memory_bytes{{pid="{os.getpid()}"}}'] > 1e6


def test_durations_fall_into_buckets_that_add_up() -> None:
    counters = Counters()
    counters.name_routes(["/a"])
    for seconds in (0.0001, 0.0005, 0.003, 99.0):
        counters.count_request("/a", "GET", "200", seconds)
    found = samples(text_of(counters, Snapshot(), (0, 0)))
    buckets = {name: value for name, value in found.items() if name.startswith("arus_http_request_duration")}
    counts = [2, 2, 2, *[3] * (len(BUCKET_SECONDS) - 3), 4]
    bounds = [*map(str, BUCKET_SECONDS), "+Inf"]
    name = "arus_http_request_duration_seconds"
    expected = {f'{name}_bucket{{route="/a",le="{bound}"}}': count for bound, count in zip(bounds, counts, strict=True)}
    assert buckets == {
        **expected,
        f'{name}_sum{{route="/a"}}': pytest.approx(99.0036),
        f'{name}_count{{route="/a"}}': 4,
    }


def test_workers_count_together_and_a_new_one_goes_on_where_the_old_one_was() -> None:
    counters = Counters(rows=3)
    counters.name_routes(["/a"])
    for row in (0, 2, 2):
        if (pid := os.fork()) == 0:
            counters.claim(row)
            counters.count_request("/a", "GET", "200", 0.001)
            counters.count_event("load")
            os._exit(0)
        os.waitpid(pid, 0)
    assert list(counters.requests()) == [("/a", "GET", "200", 3)]
    assert {event: count for event, count in counters.events().items() if count} == {"load": 3}
    assert len(counters.pids()) == 2


def test_no_count_is_lost_between_threads() -> None:
    counters = Counters()
    counters.name_routes(["/a"])

    def count() -> None:
        for _ in range(5_000):
            counters.count_request("/a", "POST", "200", 0.001)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(counters.requests()) == [("/a", "POST", "200", 20_000)]


def test_there_is_room_for_so_many_routes_only() -> None:
    with pytest.raises(ValueError, match="64 routes, but room for 63"):
        Counters().name_routes([str(route) for route in range(MOST_ROUTES)])
