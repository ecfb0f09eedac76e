"""Which images were there before, exactly or nearly: an index of all that the table holds, in the driver's memory."""

from collections.abc import Iterable
from typing import NamedTuple

import pyarrow.dataset as ds

from arus.image_flags import are_near_duplicates, bands

EXACT, NEAR = "exact-duplicate", "near-duplicate"


class Seen(NamedTuple):
    """An image by its place in Kafka, and what tells it apart."""

    topic: str
    partition: int
    offset: int
    sha256: str
    phash: str

    @property
    def place(self) -> str:
        return f"{self.topic}-{self.partition}-{self.offset}"


class Repeat(NamedTuple):
    """An image that repeats another: how, and the place of the first such image."""

    image: Seen
    flag: str
    of: str


class Duplicates:
    """The images so far: by their bytes, and by the parts of their perceptual hashes. Some 500 bytes each."""

    def __init__(self) -> None:
        self._exact: dict[str, str] = {}
        self._near: dict[str, list[tuple[str, str]]] = {}

    def repeats(self, images: Iterable[Seen]) -> list[Repeat]:
        """Learn the images, in order, and return those that repeat an earlier one, of these or of those before."""
        found = []
        for image in images:
            if first := self._exact.get(image.sha256):
                found.append(Repeat(image, EXACT, first))
                continue
            self._exact[image.sha256] = image.place
            if alike := self._like(image.phash):
                found.append(Repeat(image, NEAR, alike))
                continue
            for band in bands(image.phash):
                self._near.setdefault(band, []).append((image.phash, image.place))
        return found

    def _like(self, phash: str) -> str | None:
        candidates = (each for band in bands(phash) for each in self._near.get(band, ()))
        return next((place for other, place in candidates if are_near_duplicates(phash, other)), None)


def known(images: ds.Dataset) -> Duplicates:
    """Return the index of the images that the table holds."""
    rows = images.to_table(columns=list(Seen._fields)).sort_by(
        [("topic", "ascending"), ("partition", "ascending"), ("offset", "ascending")]
    )
    index = Duplicates()
    index.repeats(Seen(**row) for batch in rows.to_batches() for row in batch.to_pylist())
    return index
