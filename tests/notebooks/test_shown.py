"""Small tables and sentences, as a page has them."""

from notebooks.shown import Shown


def test_without_rows_the_caption_is_a_paragraph() -> None:
    for shown in (Shown("Nothing <b>."), Shown("Nothing <b>.", ("what", "rows"))):
        page = shown._repr_html_()
        assert ">Nothing &lt;b&gt;.</p>" in page
        assert "<t" not in page
        assert str(shown) == "Nothing <b>."


def test_a_caption_is_not_as_narrow_as_its_table() -> None:
    page = Shown("A caption of several words", ("a", "b"), [("x", "1")])._repr_html_()
    assert page.index("several words</p>") < page.index("<table>")
    assert "<caption" not in page
    assert '<td style="text-align:right">1</td>' in page


def test_a_command_in_a_caption_looks_like_one() -> None:
    assert "say <code>make &lt;x&gt;</code>.</p>" in Shown("say `make <x>`.")._repr_html_()
