"""The table `images` in figures: read by deltalake without a JVM, thumbnails only of the rows that are shown."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from arus.image_dataset import described
from arus.image_grid import Picture
from arus.image_tally import Label, Tally, by_class, by_one, counted, table
from arus.progress import Counting
from arus.text import number_of

JOB, TABLE = "image_analytics", "images"
GROUP = ["plant", "disease", "format"]
SUMMED = ["bytes", "width", "height"]
POSITION = ["topic", "partition", "offset"]
# What a batch of rows takes in memory: some 10 MB.
BATCH_ROWS = 65_536
NEWEST_FIRST = [("event_time", "descending"), *((name, "descending") for name in POSITION)]
MOST_REPEATED = 5

Place = tuple[str, int, int]
Row = dict[str, Any]


@dataclass
class Stored:
    """What the table holds. repeats: a place -> how many images repeat that one; latest: places, newest first."""

    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    flags: Counter[str] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)
    latest: list[Place] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(tally.count for tally in self.tallies.values())

    def by(self, *places: int) -> dict[tuple[str, ...], Tally]:
        """Return the tallies by some of plant (0), disease (1) and format (2)."""
        summed: dict[tuple[str, ...], Tally] = defaultdict(Tally)
        for key, tally in self.tallies.items():
            summed[tuple(key[place] for place in places)].add(tally)
        return summed


def read(images: ds.Dataset, count: int) -> Stored:
    """Return the table's figures and the places of its `count` latest images, by Kafka's time."""
    found, newest = Stored(), None
    with Counting("image") as counting:
        for batch in batches(images, [*GROUP, *SUMMED, "flags", "duplicate_of", "event_time", *POSITION]):
            rows = pa.Table.from_batches([batch])
            _tally(found.tallies, rows)
            found.flags.update(_counts(pc.list_flatten(rows["flags"])))
            found.repeats.update(_counts(rows["duplicate_of"].drop_null()))
            candidates = rows.select(["event_time", *POSITION])
            newest = pa.concat_tables([newest, candidates]) if newest else candidates
            newest = newest.sort_by(NEWEST_FIRST).slice(0, count)
            counting.add(batch.num_rows)
    found.latest = [_place(row) for row in newest.to_pylist()] if newest else []
    return found


def batches(images: ds.Dataset, columns: list[str], where: "ds.Expression | None" = None) -> Iterator[pa.RecordBatch]:
    """Return the rows as they are asked for, without those pieces that hold none."""
    options = {"batch_size": BATCH_ROWS, "batch_readahead": 1, "fragment_readahead": 1}
    return (batch for batch in images.to_batches(columns=columns, filter=where, **options) if batch.num_rows)


def rows_at(images: ds.Dataset, places: Iterable[Place], columns: list[str]) -> dict[Place, Row]:
    """Return the rows at some places in Kafka."""
    offsets: dict[tuple[str, int], list[int]] = defaultdict(list)
    for topic, partition, offset in places:
        offsets[topic, partition].append(offset)
    found = {}
    for (topic, partition), those in offsets.items():
        where = (ds.field("topic") == topic) & (ds.field("partition") == partition) & ds.field("offset").isin(those)
        for row in images.to_table([*POSITION, *columns], where).to_pylist():
            found[_place(row)] = row
    return found


def place_of(text: str) -> Place:
    """Return a place as `duplicate_of` has it, topic-partition-offset."""
    topic, partition, offset = text.rsplit("-", 2)
    return topic, int(partition), int(offset)


def _place(row: Row) -> Place:
    return row["topic"], row["partition"], row["offset"]


def _tally(tallies: dict[tuple[str, str, str], Tally], rows: pa.Table) -> None:
    sums = rows.group_by(GROUP).aggregate([([], "count_all"), *((name, "sum") for name in SUMMED)])
    for row in sums.to_pylist():
        plant, disease, image_format = (row[name] or "" for name in GROUP)
        count, sizes = row["count_all"], [row[f"{name}_sum"] or 0 for name in SUMMED]
        tallies[plant, disease, image_format].add(Tally(count, sizes[0], count, *sizes[1:]))


def _counts(values: Any) -> dict[str, int]:
    return {pair["values"]: pair["counts"] for pair in pc.value_counts(values).to_pylist()}


def pictures(images: ds.Dataset, places: list[Place]) -> list[Picture]:
    """Return the thumbnails at these places, with what is known of them."""
    columns = ["filename", "plant", "disease", "format", "width", "height", "bytes", "flags", "thumbnail"]
    rows = rows_at(images, places, columns)
    return [picture(rows[place]) for place in places]


def picture(row: Row) -> Picture:
    label = " / ".join(row[name] for name in ("plant", "disease") if row[name])
    size = described(row["format"], row["width"], row["height"], row["bytes"])
    return Picture(row["thumbnail"] or b"", (label, row["filename"] or "", size), ", ".join(row["flags"] or []))


def report(stored: Stored, images: ds.Dataset) -> str:
    """Return the figures as tables."""
    classes: dict[Label, Tally] = {(plant, disease): tally for (plant, disease), tally in stored.by(0, 1).items()}
    parts = [
        by_one("format", _single(stored.by(2))),
        by_one("plant", _single(stored.by(0))),
        by_one("disease", _single(stored.by(1))),
        by_class(classes),
        counted("flag", stored.flags, stored.rows) if stored.flags else "no image has a flag",
        _repeated(stored, images),
    ]
    return "\n\n".join(parts)


def _single(tallies: dict[tuple[str, ...], Tally]) -> dict[str, Tally]:
    return {key[0]: tally for key, tally in tallies.items()}


def _repeated(stored: Stored, images: ds.Dataset) -> str:
    """Return how many images repeat others, and which ones are repeated most."""
    if not stored.repeats:
        return "no image repeats another"
    most = sorted(stored.repeats.items(), key=lambda item: (-item[1], item[0]))[:MOST_REPEATED]
    rows = rows_at(images, (place_of(place) for place, _ in most), ["filename"])
    names = [(rows.get(place_of(place), {}).get("filename") or "-", place, f"{count:,}") for place, count in most]
    repeating = stored.repeats.total()
    verb = "repeats" if repeating == 1 else "repeat"
    others = number_of(len(stored.repeats), "other")
    whole = f"{number_of(repeating, 'image')} {verb} {others}, exactly or nearly; most often:"
    return whole + "\n" + table(("file", "place", "repeats"), names, texts=2)
