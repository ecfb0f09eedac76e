from pathlib import Path

import pytest

from arus import home
from arus.errors import ArusError


@pytest.mark.parametrize(
    ("given", "store", "is_local"),
    [
        ("/shared/arus", "/shared/arus", True),
        ("/shared/arus/", "/shared/arus", True),
        ("file:/shared/arus", "/shared/arus", True),
        ("file:///shared/arus/", "/shared/arus", True),
        ("file:///shared/our%20arus", "/shared/our arus", True),
        ("s3a://bucket/arus/", "s3a://bucket/arus", False),
        ("hdfs://name:8020/arus", "hdfs://name:8020/arus", False),
    ],
)
def test_a_store_is_an_absolute_path_or_a_uri(
    monkeypatch: pytest.MonkeyPatch, given: str, store: str, is_local: bool
) -> None:
    monkeypatch.setenv("ARUS_STORE", given)
    assert home.store() == store
    assert home.local_store() == (Path(store) if is_local else None)


def test_a_relative_store_does_not_depend_on_where_a_job_runs_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARUS_STORE", "store")
    assert home.store() == str(tmp_path / "store")


def test_a_home_that_cannot_be_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ARUS_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(ArusError, match=r"cannot be used: Not a directory \(.*\): set ARUS_HOME to a folder "):
        home.run()
