"""Every topic, message, table and job, each said once: producers, jobs and server share it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

SENSOR_SUHU = "sensor-suhu"
PERINGATAN_SUHU = "peringatan-suhu"
SENSOR_SUHU_GUDANG = "sensor-suhu-gudang"
SENSOR_KELEMBABAN_GUDANG = "sensor-kelembaban-gudang"
PERINGATAN_GUDANG = "peringatan-gudang"
STATUS_GUDANG = "status-gudang"
DETAK_GUDANG = "detak-gudang"
RETAIL_STREAM = "retail_stream"
IMAGE_STREAM = "image-stream"
IMAGE_UPLOAD = "image-upload"

# Topic -> partitions. They set how far a job can be spread; a Real-time query holds one task slot for each.
TOPICS = {
    SENSOR_SUHU: 2,
    PERINGATAN_SUHU: 1,
    SENSOR_SUHU_GUDANG: 2,
    SENSOR_KELEMBABAN_GUDANG: 2,
    PERINGATAN_GUDANG: 1,
    STATUS_GUDANG: 1,
    DETAK_GUDANG: 1,
    RETAIL_STREAM: 2,
    IMAGE_STREAM: 2,
    IMAGE_UPLOAD: 2,
}

# The columns of the retail messages, as the data set and the seed's producer name them.
RETAIL_FIELDS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)

# Those that the data set's second edition, Online Retail II, names otherwise.
RETAIL_OTHER_NAMES = {"InvoiceNo": "Invoice", "UnitPrice": "Price", "CustomerID": "Customer ID"}

# The kinds of a warehouse's sensors: degrees Celsius, and per cent.
SUHU = "suhu"
KELEMBABAN = "kelembaban"

# Columns are Spark DDL. topic, partition, offset: where in Kafka the row came from, its identity for ever.
POSITION = "topic string, partition int, offset bigint"
# Why the time that came with a reading could not be used, and what it was: event_time is Kafka's then.
TIME_FAULT = "time_fault"


class JobEntry(NamedTuple):
    """A job of jobs/: what it reads and writes (topics, or places of the store), and its tables with their columns.

    A table has one job that writes it.

    The demo starts it with its producer (of producers/) under the name of its pipeline, which is the job's own where it
    is not given: where that is asked for (`is_extra`), and only once the pipeline has rows (`is_later`).
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    tables: Mapping[str, str] = MappingProxyType({})
    producer: str = ""
    pipeline: str = ""
    is_extra: bool = True
    is_later: bool = False
    # A service in docker-compose.yml runs it.
    has_service: bool = False


# Every job, once: its start line, the demo, the supervisor, `status` and `reset` go by this.
JOBS = {
    "temperature_filter": JobEntry(
        reads=(SENSOR_SUHU,),
        writes=(PERINGATAN_SUHU,),
        tables={
            "sensor_suhu": f"sensor_id string, suhu double, event_time timestamp, {POSITION}, {TIME_FAULT} string",
            "peringatan_suhu": "alert_id string, sensor_id string, suhu double, event_time timestamp",
        },
        producer="temperature",
        pipeline="temperature",
        is_extra=False,
        has_service=True,
    ),
    "warehouse_monitor": JobEntry(
        reads=(SENSOR_SUHU_GUDANG, SENSOR_KELEMBABAN_GUDANG, DETAK_GUDANG),
        writes=(PERINGATAN_GUDANG, STATUS_GUDANG, DETAK_GUDANG),
        tables={
            # kind: suhu or kelembaban; reading, value: degrees Celsius or per cent.
            "sensor_gudang": (
                f"gudang_id string, kind string, reading double, event_time timestamp, {POSITION}, {TIME_FAULT} string"
            ),
            "peringatan_gudang": "alert_id string, gudang_id string, kind string, value double, event_time timestamp",
            # A row for each temperature reading, and for each humidity reading without a partner; event_time and
            # position are that reading's. is_final: no nearer partner can come; settled: out of the part that each
            # micro-batch rewrites.
            "status_gudang": (
                "gudang_id string, suhu double, suhu_time timestamp, kelembaban double, kelembaban_time timestamp, "
                f"status string, event_time timestamp, is_final boolean, {POSITION}, settled boolean"
            ),
        },
        producer="warehouse",
        pipeline="warehouse",
        is_extra=False,
        has_service=True,
    ),
    "retail_ingest": JobEntry(
        reads=(RETAIL_STREAM,),
        tables={
            "retail": (
                "invoice_no string, stock_code string, description string, quantity int, invoice_date timestamp, "
                f"unit_price double, customer_id int, country string, batch_id bigint, {POSITION}"
            ),
        },
        producer="retail",
        pipeline="retail",
        is_extra=False,
        has_service=True,
    ),
    "retail_train": JobEntry(
        reads=("tables/retail",),
        writes=("models/",),
        pipeline="retail",
        is_extra=False,
        is_later=True,
        has_service=True,
    ),
    "image_analytics": JobEntry(
        reads=(IMAGE_STREAM,),
        tables={
            # A row for each image. bytes: of the file; measures: arus/image_measures.py; thumbnail:
            # JPEG; duplicate_of: the position (topic-partition-offset) of the first image that it
            # repeats, exactly or nearly (flags say which).
            "images": (
                "filename string, plant string, disease string, format string, width int, height int, mode string, "
                "bytes bigint, orientation int, brightness double, contrast double, darkest double, lightest double, "
                "entropy double, sharpness double, colourfulness double, sha256 string, phash string, "
                f"flags array<string>, duplicate_of string, thumbnail binary, event_time timestamp, {POSITION}"
            ),
        },
        producer="images",
        pipeline="images",
        has_service=True,
    ),
    "image_resize": JobEntry(
        reads=(IMAGE_UPLOAD,),
        writes=("storage/processed",),
        tables={
            # A row for each upload. status: processed or rejected (then reason says why, and what is not known is
            # NULL); path: of the result, in the store; host, pid, task: who did it; accepted_at: when Kafka took it.
            "resized": (
                "id string, filename string, status string, reason string, format string, width int, height int, "
                "bytes bigint, path string, source_format string, source_width int, source_height int, host string, "
                "pid int, task bigint, accepted_at timestamp, started_at timestamp, finished_at timestamp, "
                f"event_time timestamp, {POSITION}"
            ),
        },
        pipeline="images",
        is_later=True,
        has_service=True,
    ),
}


def entry(job: str) -> JobEntry:
    """Return a job's entry; an empty one where it has none."""
    return JOBS.get(job, JobEntry())


TABLES = {table: columns for job in JOBS.values() for table, columns in job.tables.items()}
PARTITIONED_BY = {"status_gudang": "settled"}
# rejects/<job>: a record that could not be used, whole, and why. rejected_at: when the job read it.
REJECTS = (
    f"{POSITION}, timestamp timestamp, key binary, value binary, "
    "headers array<struct<key: string, value: binary>>, reason string, batch_id bigint, rejected_at timestamp"
)
