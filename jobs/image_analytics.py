"""Every image of the stream: decoded, measured and audited.

Reads `image-stream` in whatever form producers send, decodes each image once, in a process that may crash without harm,
and keeps its measures, flags and thumbnail in `tables/images`, exactly once. What is no image goes to the rejects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame
from pyspark.sql.streaming.readwriter import DataStreamWriter
from pyspark.sql.types import StructType

from arus import delta_files, image_duplicates, schemas
from arus.delta_io import append_rejects, claim, table_path
from arus.driver_append import DriverAppend
from arus.image_counts import ImageCounts
from arus.image_duplicates import Duplicates, Repeat, Seen
from arus.image_messages import large_folder
from arus.image_stored import POSITION, rows_at
from arus.image_tasks import measuring, whole
from arus.job import Job, start
from arus.kafka_io import read_topic
from arus.ledger import Ledger, running_query
from arus.settings import Trigger

TABLE = "images"
IN_ORDER = [(name, "ascending") for name in POSITION]
# Of an image that was rejected before a crash, and would not be now.
UNDECIDED = "decoder-failed:once"


@dataclass(frozen=True)
class Settings:
    trigger: Trigger
    starting_offsets: str
    max_offsets_per_trigger: int
    tasks: int


def columns(rows: pa.Table, names: Iterable[str]) -> list[list[Any]]:
    return [rows[name].to_pylist() for name in names]


def marked(images: pa.Table, repeats: Iterable[Repeat]) -> pa.Table:
    """Return measured images as rows of `tables/images`; those that repeat others have a flag and say of which."""
    found = {(each.image.topic, each.image.partition, each.image.offset): each for each in repeats}
    places = zip(*columns(images, POSITION), strict=True)
    repeated = [found.get(place) for place in places]
    flags = [
        [*own, each.flag] if each else own for own, each in zip(images["flags"].to_pylist(), repeated, strict=True)
    ]
    duplicate_of = pa.array([each.of if each else None for each in repeated], pa.string())
    images = images.set_column(images.column_names.index("flags"), "flags", pa.array(flags, images["flags"].type))
    images = images.append_column("duplicate_of", duplicate_of).append_column("event_time", images["timestamp"])
    return images.select(cast(StructType, StructType.fromDDL(schemas.TABLES[TABLE])).fieldNames())


def decided_before(found: pa.Table, images: ds.Dataset) -> pa.Table:
    """Return what was found of a micro-batch that the table has already, with the verdicts of that time.

    What the table has was an image; the rest was none, whatever a second look says: a decoder may be slow once.
    """
    places = list(zip(*columns(found, POSITION), strict=True))
    kept = rows_at(images, places, [])
    reasons = [
        None if place in kept else why or UNDECIDED
        for place, why in zip(places, found["reason"].to_pylist(), strict=True)
    ]
    return found.set_column(found.column_names.index("reason"), "reason", pa.array(reasons, pa.string()))


class ImageWriter:
    """Writes a micro-batch's images into the table, and what is none into the rejects."""

    def __init__(self, job: Job, seen: Duplicates, counts: ImageCounts) -> None:
        self._job = job
        self._measured = measuring(large_folder())
        self._ledger = Ledger()
        self._seen = seen
        self._counts = counts
        self._table: DriverAppend | None = None

    def __call__(self, batch: DataFrame, batch_id: int) -> None:
        self._table = self._table or DriverAppend(table_path(TABLE), running_query(batch.sparkSession))
        found: pa.Table = self._measured(batch).toArrow().sort_by(IN_ORDER)
        if self._table.has(batch_id):
            found = decided_before(found, delta_files.opened(TABLE).to_pyarrow_dataset())
        images, rejected = (
            found.filter(is_so) for is_so in (pc.is_null(found["reason"]), pc.is_valid(found["reason"]))
        )
        repeats = self._seen.repeats(Seen(*each) for each in zip(*columns(images, Seen._fields), strict=True))
        if self._table.append(marked(images, repeats), batch_id):
            self._counts.add(images)
        if rejected.num_rows:
            append_rejects(self._ledger, whole(batch, rejected), self._job.name, batch_id)
        self._job.listener.count(f"{self._job.name}.tables", batch_id, found.num_rows, rejected.num_rows)


def query(job: Job, settings: Settings) -> DataStreamWriter:
    """Return the query, not yet started."""
    claim(job, [TABLE], "tables")
    raw = read_topic(
        job.spark,
        schemas.IMAGE_STREAM,
        settings.starting_offsets,
        settings.max_offsets_per_trigger,
        minPartitions=str(settings.tasks),
    )
    images = delta_files.opened(TABLE).to_pyarrow_dataset()
    writer = ImageWriter(job, image_duplicates.known(images), ImageCounts(job.name, images))
    return (
        raw.writeStream.foreachBatch(writer)
        .queryName(f"{job.name}.tables")
        .option("checkpointLocation", job.checkpoint("tables"))
        .trigger(**settings.trigger.options())
    )


def main() -> None:
    job, settings = start(Settings)
    job.run(query(job, settings))


if __name__ == "__main__":
    main()
