import pytest

from arus import cells


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (0, "0"), (999_999, "999,999"), (1_000_000, "1M"), (1_234_567, "1.235M"), (2_500_000_000, "2.5G")],
)
def test_numbers_are_whole_until_they_are_long(number: int | None, text: str) -> None:
    assert cells.short(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (-0.2, "0s"), (99, "99s"), (100, "2m"), (5999, "100m"), (7200, "2h"), (864_000, "10d")],
)
def test_an_age_is_short(seconds: float | None, text: str) -> None:
    assert cells.age(seconds) == text


@pytest.mark.parametrize(("text", "shown"), [("gudang", "gudang"), ("gudang1", "gudan…")])
def test_a_text_that_is_too_long_ends_with_an_ellipsis(text: str, shown: str) -> None:
    assert cells.cut(text, 6) == shown
