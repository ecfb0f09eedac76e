"""How far a count is, said on stderr."""

import io
import re
import sys

import pytest

from arus.progress import Counting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_long_count_is_shown_and_a_short_one_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with Counting("file") as counting:
        counting.add(5)
    assert capsys.readouterr().err == ""
    with Counting("file", patience=0.0) as counting:
        counting.add(1234)
        counting.add(1)
    assert re.fullmatch(r"1,234 files, [\d,]+/s\n", capsys.readouterr().err)


def test_on_a_terminal_the_count_is_one_line_and_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Counting("file", patience=0.0) as counting:
        counting.add()
    assert re.fullmatch(r"\r1 file, [\d,]+/s\x1b\[K\r\x1b\[K", terminal.getvalue())
