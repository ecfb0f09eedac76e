"""Every image of the stream: decoded, measured and audited.

Reads `image-stream` in whatever form producers send, decodes each image once, in a process that may crash without harm,
and keeps its measures, flags and thumbnail in `tables/images`, exactly once. What is no image goes to the rejects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import delta_files, image_duplicates, schemas
from arus.image_counts import ImageCounts
from arus.image_duplicates import Repeat, Seen
from arus.image_messages import large_folder
from arus.image_tasks import MEASURED, measured, measured_before
from arus.job import Job, start
from arus.kafka_io import read_topic
from arus.settings import Trigger
from arus.streaming.arrow_sink import ArrowSink
from arus.streaming.record_batches import POSITION, positions
from arus.streaming.task_rows import REJECTS

TABLE = "images"
IN_ORDER = [(name, "ascending") for name in POSITION]


@dataclass(frozen=True)
class Settings:
    trigger: Trigger
    starting_offsets: str
    max_offsets_per_trigger: int
    tasks: int


def marked(images: pa.Table, repeats: Iterable[Repeat]) -> pa.Table:
    """Return measured images as rows of `tables/images`; those that repeat others have a flag and say of which."""
    found = {(each.image.topic, each.image.partition, each.image.offset): each for each in repeats}
    repeated = [found.get(position) for position in positions(images)]
    flags = [
        [*own, each.flag] if each else own for own, each in zip(images["flags"].to_pylist(), repeated, strict=True)
    ]
    duplicate_of = [each.of if each else None for each in repeated]
    for name, column in (("flags", flags), ("duplicate_of", duplicate_of)):
        index = images.schema.get_field_index(name)
        images = images.set_column(index, images.schema.field(index), pa.array(column, images.schema.field(index).type))
    return images


def seen(images: pa.Table) -> list[Seen]:
    """Return what tells images apart."""
    columns: list[list[Any]] = [images[name].to_pylist() for name in Seen._fields]
    return [Seen(*values) for values in zip(*columns, strict=True)]


def query(job: Job, settings: Settings) -> DataStreamWriter:
    """Return the query, not yet started."""
    sink = ArrowSink(job, "tables", TABLE)
    table = sink.target(TABLE)
    measure = sink.tasks(partial(measured, large=large_folder(), schema=table.schema))
    measure_again = sink.tasks(partial(measured_before, large=large_folder(), schema=table.schema, table=table.path))
    before = delta_files.opened(TABLE).to_pyarrow_dataset()
    known, counts = image_duplicates.known(before), ImageCounts(job.name, before)

    def write(batch: DataFrame, batch_id: int) -> None:
        is_known = any(sink.table(name).has(batch_id) for name in (TABLE, REJECTS))
        found = (measure_again if is_known else measure)(batch)
        if MEASURED in found.rows:
            images = found.rows[MEASURED].sort_by(IN_ORDER)
            found.rows[TABLE] = marked(images, known.repeats(seen(images)))
        sink.commit(found, batch_id)
        if TABLE in found.rows:
            counts.add(found.rows[TABLE])

    records = read_topic(
        job.spark,
        schemas.IMAGE_STREAM,
        settings.starting_offsets,
        settings.max_offsets_per_trigger,
        minPartitions=str(settings.tasks),
    )
    return sink.query(records, write, settings.trigger)


def main() -> None:
    job, settings = start(Settings)
    job.run(query(job, settings))


if __name__ == "__main__":
    main()
