"""Every topic, message and table, in one file that imports nothing: producers, jobs and server share it."""

SENSOR_SUHU = "sensor-suhu"
PERINGATAN_SUHU = "peringatan-suhu"
SENSOR_SUHU_GUDANG = "sensor-suhu-gudang"
SENSOR_KELEMBABAN_GUDANG = "sensor-kelembaban-gudang"
PERINGATAN_GUDANG = "peringatan-gudang"
STATUS_GUDANG = "status-gudang"
RETAIL_STREAM = "retail_stream"

# Topic -> partitions. They set how far a job can be spread; a Real-time query holds one task slot for each.
TOPICS = {
    SENSOR_SUHU: 2,
    PERINGATAN_SUHU: 1,
    SENSOR_SUHU_GUDANG: 2,
    SENSOR_KELEMBABAN_GUDANG: 2,
    PERINGATAN_GUDANG: 1,
    STATUS_GUDANG: 1,
    RETAIL_STREAM: 2,
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

# Spark DDL of the messages' values. suhu: degrees Celsius; timestamp: epoch seconds, the sensor's own clock.
SUHU_MESSAGE = "sensor_id string, suhu double, timestamp double"
# The same of a warehouse, and kelembaban: relative humidity in per cent.
SUHU_GUDANG_MESSAGE = "gudang_id string, suhu double, timestamp double"
KELEMBABAN_GUDANG_MESSAGE = "gudang_id string, kelembaban double, timestamp double"
# All text: producers that read a CSV file send numbers as text. The job gives them their types.
RETAIL_MESSAGE = ", ".join(f"{field} string" for field in RETAIL_FIELDS)

# Table -> columns (Spark DDL). topic, partition, offset: where in Kafka the row came from, its identity for ever.
POSITION = "topic string, partition int, offset bigint"
TABLES = {
    "sensor_suhu": f"sensor_id string, suhu double, event_time timestamp, {POSITION}",
    "peringatan_suhu": "alert_id string, sensor_id string, suhu double, event_time timestamp",
    "retail": (
        "invoice_no string, stock_code string, description string, quantity int, invoice_date timestamp, "
        f"unit_price double, customer_id int, country string, batch_id bigint, {POSITION}"
    ),
}
# Job -> the tables that only it writes.
JOB_TABLES = {
    "temperature_filter": ("sensor_suhu", "peringatan_suhu"),
    "retail_ingest": ("retail",),
}
# rejects/<job>: a record that could not be used, whole, and why. rejected_at: when the job read it.
REJECTS = (
    f"{POSITION}, timestamp timestamp, key binary, value binary, "
    "headers array<struct<key: string, value: binary>>, reason string, batch_id bigint, rejected_at timestamp"
)
