import random
import re
import unicodedata

import pytest

from arus.image_names import LONGEST_NAME, UNNAMED, generated_name, shown_name

PARTS = (
    "../", "..\\", "/etc/passwd", "C:\\Windows\\", "%2e%2e%2f", "\0", "\n", "\r\n", "\x1b[2J", "\u202e", "\u200b",
    "\udcff", "\ud800", "CON", "nul.jpg", "a" * 300, "é", "e\u0301", "葉", "🍃", "<script>", "'\"", "$(id)", "%s%n",
    "\ufeff", "`rm`", "?x=1&y=2", "%20", " ", ".", "..", "...", "-rf", "~", "|", "*", ":", ";", ".jpg", "\u2028",
)  # fmt: skip


def hostile_names(count: int) -> list[str]:
    rng = random.Random(5)
    return ["".join(rng.choices(PARTS, k=rng.randrange(1, 9))) for _ in range(count)] + ["x" * 10_000, ""]


def test_any_name_is_one_short_printable_line_without_folders() -> None:
    names = hostile_names(500)
    assert len(set(names)) > 450
    for name in names:
        shown = shown_name(name)
        assert shown.isprintable(), shown
        assert 1 <= len(shown) <= LONGEST_NAME
        assert not re.search(r"[/\0]", shown)
        assert shown.encode().decode() == shown == unicodedata.normalize("NFC", shown)
        assert shown.strip(". ")
        assert shown_name(shown) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("leaf.jpg", "leaf.jpg"),
        ("my leaf (2).jpg", "my leaf (2).jpg"),
        ("a%20b?c&d.jpg", "a%20b?c&d.jpg"),
        ("葉 dåün.jpg", "葉 dåün.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\leaf.jpg", "leaf.jpg"),
        ("bad\udcff\udcfe.jpg", "bad%FF%FE.jpg"),
        ("a\nb\x1b[2J.jpg", "a%0Ab%1B[2J.jpg"),
        ("gpj.\u202elmth", "gpj.%E2%80%AElmth"),
        ("e\u0301.jpg", "é.jpg"),
        ("..", UNNAMED),
        ("photos/", UNNAMED),
        ("", UNNAMED),
    ],
)
def test_a_name_stays_as_it_is_where_it_can(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_a_long_name_keeps_its_beginning_and_extension() -> None:
    shown = shown_name("leaf" * 100 + ".jpg")
    assert (len(shown), shown[:8], shown[-8:]) == (200, "leafleaf", "leaf.jpg")


def test_generated_names_say_the_format_and_nothing_else() -> None:
    names = [generated_name(each) for each in ("JPEG", "PNG", "WEBP")]
    assert [re.sub(r"^[0-9a-f]{32}", "ID", name) for name in names] == ["ID.jpg", "ID.png", "ID.webp"]
    assert len({generated_name("PNG") for _ in range(100)}) == 100
