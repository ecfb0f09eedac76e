"""Retail rows into a table.

Reads `retail_stream` in micro-batches by size or time and keeps every row in `tables/retail`, typed, with the number of
its batch and its position in Kafka, exactly once. Records that are no retail rows go to the rejects with the reason.
"""

from dataclasses import dataclass
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import schemas
from arus.base.times import date
from arus.base.values import identifier, number, text, whole_number
from arus.job import Job, start
from arus.kafka_io import read_topic
from arus.schemas import RETAIL_OTHER_NAMES
from arus.settings import Trigger
from arus.streaming.arrow_sink import ArrowSink
from arus.streaming.record_batches import read_batch
from arus.streaming.records import Field
from arus.streaming.task_rows import REJECTS, Rows

FIELDS = (
    Field("InvoiceNo", identifier, "invoice_no", aliases=(RETAIL_OTHER_NAMES["InvoiceNo"],)),
    Field("StockCode", identifier, "stock_code"),
    Field("Description", text, "description", required=False),
    Field("Quantity", whole_number, "quantity"),
    Field("InvoiceDate", date, "invoice_date"),
    Field("UnitPrice", number, "unit_price", aliases=(RETAIL_OTHER_NAMES["UnitPrice"],)),
    Field("CustomerID", whole_number, "customer_id", required=False, aliases=(RETAIL_OTHER_NAMES["CustomerID"],)),
    Field("Country", text, "country", required=False),
)


@dataclass(frozen=True)
class Settings:
    batch_rows: int
    batch_delay: str
    max_offsets_per_trigger: int
    trigger: Trigger
    starting_offsets: str
    max_value_bytes: int


def by_size_or_time(settings: Settings) -> dict[str, str]:
    """Return Kafka's options for a micro-batch as soon as enough rows wait, or some time after the one before."""
    if settings.trigger.drains:
        return {}
    return {"minOffsetsPerTrigger": str(settings.batch_rows), "maxTriggerDelay": settings.batch_delay}


def rows(records: pa.RecordBatch, max_value_bytes: int) -> Rows:
    """Return a batch of Kafka records as rows of `tables/retail` and rejects."""
    valid, invalid = read_batch(records, FIELDS, max_value_bytes)
    return {"retail": valid, REJECTS: invalid}


def query(job: Job, settings: Settings) -> DataStreamWriter:
    """Return the query, not yet started."""
    sink = ArrowSink(job, "tables", "retail")
    in_tasks = sink.tasks(partial(rows, max_value_bytes=settings.max_value_bytes))

    def write(batch: DataFrame, batch_id: int) -> None:
        sink.commit(in_tasks(batch), batch_id)

    records = read_topic(
        job.spark,
        schemas.RETAIL_STREAM,
        settings.starting_offsets,
        settings.max_offsets_per_trigger,
        **by_size_or_time(settings),
    )
    return sink.query(records, write, settings.trigger)


def main() -> None:
    job, settings = start(Settings)
    job.run(query(job, settings))


if __name__ == "__main__":
    main()
