"""Every image of the stream: decoded, measured and audited.

Reads `image-stream` in whatever form producers send, decodes each image once, in a process that may crash without harm,
and keeps its measures, flags and thumbnail in `tables/images`, exactly once. What is no image goes to the rejects.
"""

from dataclasses import dataclass
from typing import cast

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter
from pyspark.sql.types import StructType

from arus import image_duplicates, schemas
from arus.delta_io import append_rejects, claim, table_path
from arus.image_duplicates import Duplicates, Repeat, Seen
from arus.image_messages import large_folder
from arus.image_tasks import REJECTED, measured
from arus.job import Job, start
from arus.kafka_io import read_topic
from arus.ledger import Ledger
from arus.settings import Trigger

TABLE = "images"


@dataclass(frozen=True)
class Settings:
    trigger: Trigger
    starting_offsets: str
    max_offsets_per_trigger: int
    tasks: int


def marked(images: DataFrame, repeats: list[Repeat]) -> DataFrame:
    """Return measured images as rows of `tables/images`; those that repeat others have a flag and say of which."""
    ddl = "r_partition int, r_offset bigint, flag string, duplicate_of string"
    rows = [(each.image.partition, each.image.offset, each.flag, each.of) for each in repeats]
    repeated = F.broadcast(images.sparkSession.createDataFrame(rows, ddl))
    is_same = (F.col("partition") == F.col("r_partition")) & (F.col("offset") == F.col("r_offset"))
    flags = F.when(F.col("flag").isNull(), F.col("flags")).otherwise(F.array_append("flags", F.col("flag")))
    joined = images.join(repeated, is_same, how="left").withColumns({"flags": flags, "event_time": F.col("timestamp")})
    return joined.select(cast(StructType, StructType.fromDDL(schemas.TABLES[TABLE])).fieldNames())


class ImageWriter:
    """Writes a micro-batch's images into the table, and what is none into the rejects."""

    def __init__(self, job: Job, seen: Duplicates) -> None:
        self._job = job
        self._ledger = Ledger()
        self._seen = seen

    def __call__(self, batch: DataFrame, batch_id: int) -> None:
        rows = measured(batch, large_folder()).persist()
        try:
            images = rows.where(F.col("reason").isNull())
            keys = images.select(*Seen._fields).orderBy("partition", "offset").collect()
            repeats = self._seen.repeats(Seen(*key) for key in keys)
            if keys:
                self._ledger.append(marked(images, repeats), table_path(TABLE), batch_id)
            rejects = rows.where(F.col("reason").isNotNull()).select(*REJECTED)
            rejected = append_rejects(self._ledger, rejects, self._job.name, batch_id)
            self._job.listener.count(f"{self._job.name}.tables", batch_id, len(keys) + rejected, rejected)
        finally:
            rows.unpersist()


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
    writer = ImageWriter(job, image_duplicates.known(table_path(TABLE)))
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
