import pytest

from arus.base.waiting import patience_seconds, wait_aloud
from arus.errors import ArusError


def test_what_is_so_is_not_waited_for_and_nothing_is_said() -> None:
    said: list[str] = []
    assert wait_aloud(lambda: True, "nothing", said.append)
    assert said == []


def test_what_never_comes_is_given_up_and_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARUS_PATIENCE_SECONDS", "2.5")
    said: list[str] = []
    assert not wait_aloud(lambda: False, "Kafka at nowhere", said.append)
    assert said == ["waiting for Kafka at nowhere, up to 1 s more ..."]


def test_what_comes_late_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter([False] * 12 + [True])
    assert wait_aloud(lambda: next(answers), "a lock")
    assert capsys.readouterr().err.startswith("waiting for a lock, up to 58 s more ...")


def test_the_patience_is_a_minute_or_as_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARUS_PATIENCE_SECONDS", raising=False)
    assert patience_seconds() == 60
    monkeypatch.setenv("ARUS_PATIENCE_SECONDS", "5")
    assert patience_seconds() == 5
    monkeypatch.setenv("ARUS_PATIENCE_SECONDS", "long")
    with pytest.raises(ArusError, match="ARUS_PATIENCE_SECONDS=long is not a number of seconds"):
        patience_seconds()
