from collections.abc import Callable

import pytest

from tests.conftest import Broker
from tests.e2e.shop import LONG, ROWS, Scheduled, Shop, content, options, sell
from tests.e2e.support import submit, until, words


@pytest.fixture
def cluster(own_broker: Callable[[], Broker]) -> Broker:
    """A broker of the test's own, with empty topics."""
    broker = own_broker()
    for argv in (("broker", "start"), ("topics", "create")):
        done = broker.arus(*argv)
        assert done.returncode == 0, done.stderr
    return broker


@pytest.fixture(scope="session")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Scheduled:
    """Let a scheduled training make a model, and one on twice the rows; try another training beside it; stop it."""
    shop = Shop(Broker(tmp_path_factory.mktemp("shop") / "its home", "localhost:1"))
    shop.broker.home.mkdir()
    sell(shop.broker, 0, ROWS)
    job = submit(shop.broker, "retail_train", *options(trigger="1 second"))
    try:
        until(lambda: job.poll() is not None or (shop.models / "champion").exists(), "the first champion", LONG)
        first = content(shop.models / "kmeans_model_1")
        sell(shop.broker, ROWS, ROWS)
        other = submit(shop.broker, "retail_train", *options())
        refusal = words(other)
        until(lambda: job.poll() is not None or shop.has_settled(2), "the second model", LONG)
    finally:
        job.terminate()
        said = words(job)
    return Scheduled(shop, first, (other.returncode, refusal), said)
