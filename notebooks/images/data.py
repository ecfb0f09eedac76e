"""The table `images` in figures: read by `deltalake`, without Spark, thumbnails only of the rows that are shown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from arus.image_stored import JOB, POSITION, TABLE, Place, Row, place_of, rows_at
from notebooks.stored import dataset

Floats = NDArray[np.float64]

FIGURES = ["width", "height", "bytes", "brightness", "contrast", "darkest", "lightest", "entropy", "sharpness"]
READ = ["plant", "disease", "format", *FIGURES, "colourfulness", "flags", "duplicate_of", *POSITION]
SHOWN = ["filename", "plant", "disease", "format", "width", "height", "bytes", "flags", "thumbnail"]


@dataclass(frozen=True)
class Images:
    """The table as it was when opened, and its rows but for names, hashes and thumbnails; of the rejects, the table."""

    table: ds.Dataset | None
    rejects: ds.Dataset | None
    rows: pa.Table

    @property
    def is_empty(self) -> bool:
        return not len(self.rows)


class Balance(NamedTuple):
    """How many images each class has: counts[plant, disease]."""

    plants: list[str]
    diseases: list[str]
    counts: NDArray[np.int64]


class Pair(NamedTuple):
    """An image that repeats another: how, the row of the other, None where it is not there any more, and its own."""

    flag: str
    first: Row | None
    repeat: Row


def open_images() -> Images:
    """Return this store's images; ArusError if a table is broken."""
    table, rejects = (dataset(name) for name in (TABLE, f"rejects/{JOB}"))
    types = {"flags": pa.list_(pa.string())}
    empty = pa.schema([(name, types.get(name, pa.string())) for name in READ]).empty_table()
    return Images(table, rejects, table.to_table(READ) if table else empty)


def values(images: Images, column: str) -> Floats:
    """Return a measure of all images."""
    found: Floats = images.rows[column].cast(pa.float64()).to_numpy()
    return found


def aspect(images: Images) -> Floats:
    """Return the shorter side to the longer one."""
    width, height = values(images, "width"), values(images, "height")
    return np.minimum(width, height) / np.maximum(width, height)


def balance(images: Images) -> Balance:
    """Return how many images each plant and disease has, both in the order of their names."""
    plants, diseases = (pc.dictionary_encode(_text(images, name)) for name in ("plant", "disease"))
    counts = np.zeros((len(plants.dictionary), len(diseases.dictionary)), np.int64)
    np.add.at(counts, (plants.indices.to_numpy(), diseases.indices.to_numpy()), 1)
    rows, columns = (np.array(each.dictionary.to_pylist()).argsort() for each in (plants, diseases))
    names = [[each.dictionary[at].as_py() for at in order] for each, order in ((plants, rows), (diseases, columns))]
    return Balance(names[0], names[1], counts[np.ix_(rows, columns)])


def _text(images: Images, column: str) -> pa.Array:
    return images.rows[column].fill_null("").combine_chunks()


def sizes(images: Images) -> list[tuple[int, int, int]]:
    """Return each width and height that there is, and how many images have it, the most frequent first."""
    counts = images.rows.group_by(["width", "height"]).aggregate([([], "count_all")]).to_pylist()
    return sorted(
        ((row["width"], row["height"], row["count_all"]) for row in counts), key=lambda each: (-each[2], each)
    )


def flags(images: Images) -> Counter[str]:
    return _counter(pc.list_flatten(images.rows["flags"]))


def formats(images: Images) -> list[tuple[str, int, int]]:
    """Return each format by content: how many images have it, and how many of those have another one's extension."""
    named_wrong = pc.list_flatten(images.rows["flags"])
    parents = pc.list_parent_indices(images.rows["flags"]).combine_chunks()
    wrong = parents.filter(pc.equal(named_wrong, "wrong-extension").combine_chunks())
    every = images.rows["format"]
    misnamed = _counter(every.take(wrong))
    ordered = sorted(_counter(every).items(), key=lambda item: (-item[1], item[0]))
    return [(name, count, misnamed[name]) for name, count in ordered]


def reasons(images: Images) -> Counter[str]:
    """Return how many messages of the stream were rejected for each reason."""
    found: Counter[str] = Counter()
    for batch in images.rejects.to_batches(columns=["reason"]) if images.rejects else ():
        found += _counter(batch["reason"])
    return found


def _counter(column: Any) -> Counter[str]:
    return Counter({pair["values"]: pair["counts"] for pair in pc.value_counts(column).to_pylist()})


def lowest(images: Images, column: str, count: int) -> list[Row]:
    """Return the images with the lowest measure, the lowest first, with thumbnails."""
    order = [(column, "ascending"), *((name, "ascending") for name in POSITION)]
    chosen = images.rows.sort_by(order).slice(0, count).select([*POSITION, column]).to_pylist()
    found = _shown(images, [_place(row) for row in chosen])
    return [found[_place(row)] | {column: row[column]} for row in chosen]


def pairs(images: Images, flag: str, count: int) -> list[Pair]:
    """Return images that repeat another as the flag says, exactly or nearly, the latest by their place first."""
    rows = images.rows.filter(pc.field("duplicate_of").is_valid())
    order = [(name, "descending") for name in ("offset", "partition", "topic")]
    places = [
        (_place(row), place_of(row["duplicate_of"])) for row in rows.sort_by(order).to_pylist() if flag in row["flags"]
    ][:count]
    found = _shown(images, {place for pair in places for place in pair})
    return [Pair(flag, found.get(first), found[repeat]) for repeat, first in places]


def _shown(images: Images, places: "Sequence[Place] | set[Place]") -> dict[Place, Row]:
    return rows_at(images.table, places, SHOWN) if images.table else {}


def _place(row: Row) -> Place:
    return row["topic"], row["partition"], row["offset"]
