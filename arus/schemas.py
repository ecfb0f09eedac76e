"""Every topic, message and table, in one file that imports nothing: producers, jobs and server share it."""

SENSOR_SUHU = "sensor-suhu"
PERINGATAN_SUHU = "peringatan-suhu"
RETAIL_STREAM = "retail_stream"

# Topic -> partitions. They set how far a job can be spread; a Real-time query holds one task slot for each.
TOPICS = {
    SENSOR_SUHU: 2,
    PERINGATAN_SUHU: 1,
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
