"""Sums of images as tables."""

from arus import image_tally
from arus.image_tally import Tally


def test_very_many_classes_are_cut_to_the_largest() -> None:
    classes = {("plant", f"{number:03}"): Tally(1 + number % 2, 10) for number in range(300)}
    lines = image_tally.by_class(classes).splitlines()
    assert (len(lines), lines[-1]) == (202, "... and 100 smaller classes")
    assert sum(int(line.split()[2]) for line in lines[1:-1]) == 2 * 150 + 50


def test_what_strangers_named_cannot_command_the_terminal() -> None:
    assert image_tally.table(("a", "b"), [("x\x1b[2J\n", "1")]) == "a           b\nx\\x1b[2J\\n  1"
