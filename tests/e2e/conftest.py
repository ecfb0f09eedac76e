from collections.abc import Callable

import pytest

from tests.conftest import Broker


@pytest.fixture
def cluster(own_broker: Callable[[], Broker]) -> Broker:
    """A broker of the test's own, with empty topics."""
    broker = own_broker()
    for argv in (("broker", "start"), ("topics", "create")):
        done = broker.arus(*argv)
        assert done.returncode == 0, done.stderr
    return broker
