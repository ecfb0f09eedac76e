"""A topic into a Delta table by one Python process without Spark: process_peer.py readings|retail.

Whole polls parsed by Arrow, a commit for each BATCH records, exactly once by the offsets in the commit's transactions.
No rejects, no positions: one message that is no JSON ends it.
"""

import io
import json
import sys
import time

import pyarrow as pa
import pyarrow.json as pa_json
from confluent_kafka import Consumer, TopicPartition
from deltalake import CommitProperties, Transaction, write_deltalake

from arus import home, schemas

BATCH, POLL = 500_000, 50_000
READING = pa.schema([("sensor_id", pa.string()), ("suhu", pa.float64()), ("timestamp", pa.float64())])
SALE = pa.schema(
    [
        ("InvoiceNo", pa.string()),
        ("StockCode", pa.string()),
        ("Description", pa.string()),
        ("Quantity", pa.int64()),
        ("InvoiceDate", pa.timestamp("us", "UTC")),
        ("UnitPrice", pa.float64()),
        ("CustomerID", pa.float64()),
        ("Country", pa.string()),
    ]
)
TOPICS = {"readings": (schemas.SENSOR_SUHU, READING), "retail": (schemas.RETAIL_STREAM, SALE)}


def parse(values: list[bytes], schema: pa.Schema) -> pa.Table:
    options = pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    return pa_json.read_json(io.BytesIO(b"\n".join(values)), parse_options=options)


def main() -> None:
    topic, schema = TOPICS[sys.argv[1]]
    path = f"{home.home()}/peer/process-{sys.argv[1]}-{time.time_ns()}"
    begun = time.monotonic()
    consumer = Consumer(
        {
            "bootstrap.servers": home.bootstrap_servers(),
            "group.id": "peer",
            "queued.min.messages": 1_000_000,
            "fetch.queue.backoff.ms": 1,
        }
    )
    partitions = [TopicPartition(topic, number, 0) for number in consumer.list_topics(topic).topics[topic].partitions]
    ends = {each.partition: consumer.get_watermark_offsets(each)[1] for each in partitions}
    consumer.assign(partitions)
    offsets = dict.fromkeys(ends, 0)
    pieces: list[pa.Table] = []
    rows = waiting = 0
    while offsets != ends:
        if messages := consumer.consume(POLL, 0.5):
            offsets |= {message.partition() or 0: (message.offset() or 0) + 1 for message in messages}
            pieces.append(parse([message.value() or b"" for message in messages], schema))
            waiting += len(messages)
        if waiting >= BATCH or offsets == ends:
            done = [Transaction(f"{topic}-{partition}", offset) for partition, offset in offsets.items()]
            properties = CommitProperties(app_transactions=done)
            write_deltalake(path, pa.concat_tables(pieces), mode="append", commit_properties=properties)
            rows, waiting, pieces = rows + waiting, 0, []
    print("RESULT", json.dumps({"rows": rows, "seconds": time.monotonic() - begun}))


if __name__ == "__main__":
    main()
