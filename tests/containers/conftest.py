"""The stack that all tests here share; without an engine each is skipped with the reason."""

from collections.abc import Iterator

import pytest

from arus.errors import ArusError
from arus.local import containers
from arus.ping import free_port
from tests.containers import stack


@pytest.fixture(scope="session")
def brought_up() -> Iterator[str]:
    """Run `make containers` and return what it said; at the end all goes, data too."""
    try:
        containers.engine()
    except ArusError as error:
        pytest.skip(str(error))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOSE_PROJECT_NAME", f"arus-test-{free_port()}")
        patch.setenv(containers.TOKEN, stack.TOKEN)
        for variable, _ in containers.PORTS.values():
            patch.setenv(variable, str(free_port()))
        try:
            run = stack.make_containers()
            assert run.returncode == 0, run.stdout + run.stderr + containers.compose("logs", "--tail", "20")
            yield run.stdout + run.stderr
        finally:
            containers.compose("down", "--volumes", "--timeout", "20")
