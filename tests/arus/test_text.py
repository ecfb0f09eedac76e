"""Words for a terminal."""

import pytest

from arus.text import number_of


@pytest.mark.parametrize(
    ("count", "one", "said"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (1234, "row", "1,234 rows"),
        (1, "new batch", "1 new batch"),
        (2, "new batch", "2 new batches"),
        (2, "smaller class", "2 smaller classes"),
    ],
)
def test_of_one_thing_there_is_no_plural(count: int, one: str, said: str) -> None:
    assert number_of(count, one) == said
