"""Uploads into pictures of 300 by 300.

Reads `image-upload`, resizes each image in a process that may crash without harm, and writes the result, whole, into
`storage/processed`, with a note for the web server; then a row into `tables/resized`. An upload that is no image, or
too much of one, is told why, and kept in the rejects.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame

from arus import home, schemas
from arus.errors import ArusError
from arus.image_tasks import resized
from arus.job import start
from arus.kafka_io import read_topic
from arus.resizing import Target
from arus.settings import Trigger
from arus.streaming.arrow_sink import ArrowSink

TABLE = "resized"


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


def main() -> None:
    job, settings = start(Settings)
    sink = ArrowSink(job, "uploads", TABLE)
    schema = sink.target(TABLE).schema
    resize = sink.tasks(partial(resized, storage=storage(), target=target(settings), schema=schema))

    def write(batch: DataFrame, batch_id: int) -> None:
        sink.commit(resize(batch), batch_id)

    records = read_topic(
        job.spark,
        schemas.IMAGE_UPLOAD,
        settings.starting_offsets,
        settings.max_offsets_per_trigger,
        maxRecordsPerPartition=str(settings.images_per_task),
    )
    job.run(sink.query(records, write, settings.trigger))


if __name__ == "__main__":
    main()
