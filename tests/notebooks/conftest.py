"""What the notebooks' tests share: a home of their own, and a small retail table in it."""

from pathlib import Path

import pytest

from arus.ping import free_port
from notebooks.retail import data
from tests.notebooks import retail_sample as sample


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, with a space in its path, and a server's address at which nobody listens."""
    folder = tmp_path / "a home"
    folder.mkdir()
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    monkeypatch.delenv("ARUS_SERVER_TOKEN", raising=False)
    monkeypatch.setenv("ARUS_SERVER", f"http://127.0.0.1:{free_port()}")
    return folder


@pytest.fixture
def sales(home: Path) -> data.Sales:
    sample.write_table(home, sample.ROWS)
    return data.open_sales()
