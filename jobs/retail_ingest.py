"""Retail rows into a table.

Reads `retail_stream` in micro-batches by size or time and keeps every row in `tables/retail`, typed, with the number of
its batch and its place in Kafka, exactly once. What is no row goes to the rejects with the reason.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import records, schemas
from arus.delta_io import write_tables
from arus.job import Job, start
from arus.kafka_io import read_topic
from arus.records import Check
from arus.settings import Trigger


@dataclass(frozen=True)
class Settings:
    batch_rows: int
    batch_delay: str
    max_offsets_per_trigger: int
    trigger: Trigger
    starting_offsets: str
    max_value_bytes: int


def parse(raw: DataFrame) -> DataFrame:
    """Return the records of `retail_stream` with the columns of `tables/retail`, each NULL where there is no value."""
    message = F.col("message")
    customer = F.nullif(F.trim(message["CustomerID"]), F.lit(""))
    return raw.withColumn("message", records.json_object(F.col("value"), schemas.RETAIL_MESSAGE)).select(
        "*",
        records.identifier(message["InvoiceNo"]).alias("invoice_no"),
        records.identifier(message["StockCode"]).alias("stock_code"),
        message["Description"].alias("description"),
        whole_number(message["Quantity"]).alias("quantity"),
        invoice_date(message["InvoiceDate"]).alias("invoice_date"),
        message["UnitPrice"].try_cast("double").alias("unit_price"),
        customer.alias("customer"),
        whole_number(customer).alias("customer_id"),
        message["Country"].alias("country"),
    )


def checks(max_value_bytes: int) -> list[Check]:
    """Return what makes a parsed record no retail row. Customer, description and country may be missing."""
    value = F.col("value")
    required = {
        "InvoiceNo": F.col("invoice_no"),
        "StockCode": F.col("stock_code"),
        "Quantity": F.col("quantity"),
        "InvoiceDate": F.col("invoice_date"),
        "UnitPrice": F.col("unit_price"),
    }
    is_no_customer = F.col("customer").isNotNull() & F.col("customer_id").isNull()
    return [
        *records.is_text(value, max_value_bytes),
        *records.has_fields(value, required),
        Check(is_no_customer, "wrong-type:CustomerID"),
        records.not_finite("UnitPrice", F.col("unit_price")),
        records.absurd_time("InvoiceDate", F.col("invoice_date"), F.col("timestamp")),
    ]


def whole_number(text: Column) -> Column:
    """Return `6`, `-6` or `17850.0` as an int; NULL for anything else."""
    number = text.try_cast("double")
    return F.coalesce(text.try_cast("int"), F.when(number == F.floor(number), number.try_cast("int")))


def invoice_date(text: Column) -> Column:
    """Return `2011-10-06 16:20:00` or `12/1/10 8:26` (month first) as a timestamp; NULL for anything else."""
    # The first form must show its date: Spark also reads a bare time of day, as today's.
    iso = F.when(F.substring(text, 5, 1) == "-", text.try_cast("timestamp"))
    return F.coalesce(
        iso, F.try_to_timestamp(text, F.lit("M/d/yy H:mm")), F.try_to_timestamp(text, F.lit("M/d/yyyy H:mm"))
    )


def query(job: Job, settings: Settings) -> DataStreamWriter:
    """Return the query, not yet started: rows into the table, a batch by size or time, whichever comes first."""
    by_size_or_time = {"minOffsetsPerTrigger": str(settings.batch_rows), "maxTriggerDelay": settings.batch_delay}
    raw = read_topic(
        job.spark,
        schemas.RETAIL_STREAM,
        settings.starting_offsets,
        settings.max_offsets_per_trigger,
        **({} if settings.trigger.drains else by_size_or_time),
    )
    return write_tables(job, raw, parse, checks(settings.max_value_bytes), "retail", settings.trigger)


def main() -> None:
    job, settings = start(Settings)
    job.run(query(job, settings))


if __name__ == "__main__":
    main()
