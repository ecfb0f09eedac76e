from pathlib import Path

from deltalake import DeltaTable

from arus.image_duplicates import EXACT, NEAR, Duplicates, Repeat, Seen, known
from tests.arus.delta_tables import append, at


def seen(offset: int, sha256: str, phash: str = "0f0f0f0f0f0f0f0f") -> Seen:
    return Seen("image-stream", 0, offset, sha256, phash)


def test_the_same_bytes_are_an_exact_duplicate_of_the_first() -> None:
    index = Duplicates()
    images = [seen(0, "a"), seen(1, "a"), seen(2, "a")]
    assert index.repeats(images) == [
        Repeat(images[1], EXACT, "image-stream-0-0"),
        Repeat(images[2], EXACT, "image-stream-0-0"),
    ]


def test_a_hash_that_differs_in_four_bits_is_near_and_in_five_is_not() -> None:
    index = Duplicates()
    near, far = seen(1, "b", "0f0f0f0f0f0f0f00"), seen(2, "c", "0f0f0f0f0f0f0ef0")
    assert index.repeats([seen(0, "a"), near, far]) == [Repeat(near, NEAR, "image-stream-0-0")]


def test_pictures_of_one_colour_are_like_no_other() -> None:
    assert Duplicates().repeats([seen(0, "a", "0" * 16), seen(1, "b", "0" * 16)]) == []


def test_what_came_in_earlier_batches_counts() -> None:
    index = Duplicates()
    assert index.repeats([seen(0, "a")]) == []
    again = seen(5, "a")
    assert index.repeats([again]) == [Repeat(again, EXACT, "image-stream-0-0")]


def test_the_table_is_learnt_at_the_start_in_the_order_of_the_topic(tmp_path: Path) -> None:
    def row(offset: int, sha256: str) -> dict[str, object]:
        return {
            "topic": "image-stream",
            "partition": 0,
            "offset": offset,
            "sha256": sha256,
            "phash": "0" * 16,
            "event_time": at(0),
        }

    append(tmp_path, "images", [row(9, "a"), row(3, "a"), row(4, "b")])
    again = seen(10, "a")
    images = DeltaTable(tmp_path / "tables" / "images").to_pyarrow_dataset()
    assert known(images).repeats([again]) == [Repeat(again, EXACT, "image-stream-0-3")]
