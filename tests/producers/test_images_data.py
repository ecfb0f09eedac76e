import hashlib
import itertools
from collections import Counter

import pytest

from arus.image_headers import RejectedImage
from arus.image_measures import analyse
from arus.image_messages import ImageMessage
from producers.images_data import ALL_CLASSES, CLASSES, DISEASES, LEAVES, pictures


@pytest.fixture(scope="module")
def drawn() -> list[ImageMessage]:
    return list(itertools.islice(pictures(1), 1000))


def test_there_are_14_plants_with_68_classes() -> None:
    assert (len(CLASSES), len(set(ALL_CLASSES))) == (14, 68)
    assert CLASSES.keys() == LEAVES.keys()
    assert {disease for _, disease in ALL_CLASSES} == DISEASES.keys()


def test_the_same_seed_gives_the_same_bytes(drawn: list[ImageMessage]) -> None:
    assert list(itertools.islice(pictures(1), 80)) == drawn[:80]
    assert not {image.data for image in itertools.islice(pictures(2), 80)} & {image.data for image in drawn}


def test_every_class_comes_about_as_often(drawn: list[ImageMessage]) -> None:
    counts = Counter((image.plant, image.disease) for image in drawn)
    assert len(counts) == 68
    assert 10 <= min(counts.values()) <= max(counts.values()) <= 20


def test_the_faults_of_a_collection_come_in_their_shares(drawn: list[ImageMessage]) -> None:
    found: Counter[str] = Counter()
    for image in drawn:
        try:
            measures = analyse(image.data, image.filename)
        except RejectedImage as rejected:
            found[rejected.reason] += 1
            continue
        found.update([measures.format, *measures.flags])
        assert (measures.width, measures.height) == (256, 256)
    digests = {hashlib.sha256(image.data).digest() for image in drawn}
    assert 15 <= len(drawn) - len(digests) <= 50
    assert 5 <= found["truncated"] <= 30
    assert 15 <= found["dark"] <= 50
    assert 15 <= found["wrong-extension"] <= 50
    assert 15 <= found["blurry"] <= 100
    assert found["PNG"] > 10
    assert found["WEBP"] > 10
    assert found["JPEG"] > 850
    assert set(found) <= {
        "JPEG", "PNG", "WEBP", "truncated", "dark", "blurry", "wrong-extension", "low-information",
    }  # fmt: skip
