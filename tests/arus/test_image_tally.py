"""Sums of images as tables, and how far a count is."""

import re

import pytest

from arus import image_tally
from arus.image_tally import Counting, Tally


def test_very_many_classes_are_cut_to_the_largest() -> None:
    classes = {("plant", f"{number:03}"): Tally(1 + number % 2, 10) for number in range(300)}
    lines = image_tally.by_class(classes).splitlines()
    assert (len(lines), lines[-1]) == (202, "... and 100 smaller classes")
    assert sum(int(line.split()[2]) for line in lines[1:-1]) == 2 * 150 + 50


def test_a_long_count_is_shown_and_a_short_one_is_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Counting("files") as counting:
        counting.add(5)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(image_tally, "PATIENCE_SECONDS", 0.0)
    with Counting("files") as counting:
        counting.add(1234)
        counting.add(1)
    assert re.fullmatch(r"1,234 files, [\d,]+/s\n", capsys.readouterr().err)


def test_what_strangers_named_cannot_command_the_terminal() -> None:
    assert image_tally.table(("a", "b"), [("x\x1b[2J\n", "1")]) == "a           b\nx\\x1b[2J\\n  1"
