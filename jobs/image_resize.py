"""Uploads into pictures of 300 by 300.

Reads `image-upload`, resizes each image in a process that may crash without harm, and writes the result, whole, into
`storage/processed`, with a note for the web server; then a row into `tables/resized`. An upload that is no image, or
too much of one, is told why, and kept in the rejects.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql.streaming.readwriter import DataStreamWriter
from pyspark.sql.types import StructType

from arus import home, schemas
from arus.delta_io import append_rejects, claim, table_path
from arus.driver_append import DriverAppend
from arus.errors import ArusError
from arus.image_tasks import resizing, whole
from arus.job import Job, start
from arus.kafka_io import read_topic
from arus.ledger import Ledger, running_query
from arus.resizing import Target
from arus.settings import Trigger

TABLE = "resized"
DONE = ("processed", "rejected")


@dataclass(frozen=True)
class Settings:
    trigger: Trigger
    starting_offsets: str
    max_offsets_per_trigger: int
    images_per_task: int
    width: int
    height: int
    fit: str
    format: str
    quality: int


def target(settings: Settings) -> Target:
    """Return what is made of an upload; ArusError where the settings ask for what cannot be made."""
    return Target(settings.width, settings.height, settings.fit, settings.format, settings.quality)


def storage() -> Path:
    """Return the folder of uploads and results, made where it is not there; ArusError where the store is no folder."""
    store = home.local_store()
    if store is None:
        raise ArusError(f"ARUS_STORE={home.store()} is no local folder: results are files on a disk that all share")
    (store / "storage" / "processed").mkdir(parents=True, exist_ok=True)
    return store / "storage"


def as_rows(made: pa.Table) -> pa.Table:
    """Return what was made of uploads (image_tasks.RESIZED) as rows of `tables/resized`."""
    columns = cast(StructType, StructType.fromDDL(schemas.TABLES[TABLE])).fieldNames()
    done = made.filter(pc.is_in(made["status"], pa.array(DONE)))
    moments = done["timestamp"]
    return done.append_column("accepted_at", moments).append_column("event_time", moments).select(columns)


class UploadWriter:
    """Writes a micro-batch's results into the table, and what is no image into the rejects."""

    def __init__(self, job: Job, settings: Settings) -> None:
        self._job = job
        self._resized = resizing(storage(), target(settings))
        self._ledger = Ledger()
        self._table: DriverAppend | None = None

    def __call__(self, batch: DataFrame, batch_id: int) -> None:
        self._table = self._table or DriverAppend(table_path(TABLE), running_query(batch.sparkSession))
        made: pa.Table = self._resized(batch).toArrow().combine_chunks()
        self._table.append(as_rows(made), batch_id)
        rejected = made.filter(pc.is_valid(made["reason"]))
        if rejected.num_rows:
            append_rejects(self._ledger, whole(batch, rejected), self._job.name, batch_id)
        self._job.listener.count(f"{self._job.name}.uploads", batch_id, made.num_rows, rejected.num_rows)


def query(job: Job, settings: Settings) -> DataStreamWriter:
    """Return the query, not yet started."""
    claim(job, [TABLE], "uploads")
    raw = read_topic(
        job.spark,
        schemas.IMAGE_UPLOAD,
        settings.starting_offsets,
        settings.max_offsets_per_trigger,
        maxRecordsPerPartition=str(settings.images_per_task),
    )
    return (
        raw.writeStream.foreachBatch(UploadWriter(job, settings))
        .queryName(f"{job.name}.uploads")
        .option("checkpointLocation", job.checkpoint("uploads"))
        .trigger(**settings.trigger.options())
    )


def main() -> None:
    job, settings = start(Settings)
    job.run(query(job, settings))


if __name__ == "__main__":
    main()
