"""Fills a topic with a backlog of real-shaped messages, by Spark: backlog.py readings|retail|suhu|kelembaban ROWS [N].

Readings: 200 sensors at 70 to 76 degrees Celsius, one in fifty 10 above. Retail: rows of the generated shop. suhu,
kelembaban: 1,000 warehouses, a reading a second each, a door open for one minute in ten. One in N is cut short.
"""

import itertools
import json
import sys
from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession

from arus import home, schemas
from producers.retail_data import rows as shop_rows

DISTINCT_RETAIL_ROWS = 30_000


def readings(spark: SparkSession, rows: int) -> DataFrame:
    return spark.range(0, rows, 1, 4).selectExpr(
        "concat('S', id % 200) AS key",
        """concat('{"sensor_id":"S', id % 200, '","suhu":',
            round(70 + pmod(hash(id), 600) / 100.0 + if(pmod(hash(id, 7), 50) = 0, 10, 0), 2),
            ',"timestamp":', cast(1790000000 + id / 1000 AS decimal(20, 3)), '}') AS value""",
    )


def retail(spark: SparkSession, rows: int) -> DataFrame:
    made = [(row["InvoiceNo"], json.dumps(row)) for row in itertools.islice(shop_rows(7), DISTINCT_RETAIL_ROWS)]
    distinct = spark.createDataFrame(made, "key string, value string").coalesce(1).persist()
    return distinct.crossJoin(spark.range(0, rows // DISTINCT_RETAIL_ROWS, 1, 2)).drop("id")


def warehouses(spark: SparkSession, kind: str, least: float, delay: float, rows: int) -> DataFrame:
    # Written by one task, in order of time, as sensors would.
    ticks = spark.range(0, rows, 1, 1).selectExpr("id", "id DIV 1000 AS second", "id % 1000 AS warehouse")
    lift = "if((second + pmod(hash(warehouse), 600)) % 600 < 60, 9, 0)"
    reading = f"round({least} + pmod(hash(id), 60) / 100 + {lift}, 2)"
    moment = f"cast(1790000000 + second + warehouse / 2000 + {delay} AS decimal(20, 3))"
    value = f"""concat('{{"gudang_id":"G', warehouse, '","{kind}":', {reading}, ',"timestamp":', {moment}, '}}')"""
    return ticks.selectExpr("concat('G', warehouse) AS key", f"{value} AS value")


MAKERS: dict[str, tuple[Callable[[SparkSession, int], DataFrame], str]] = {
    "readings": (readings, schemas.SENSOR_SUHU),
    "retail": (retail, schemas.RETAIL_STREAM),
    "suhu": (lambda spark, rows: warehouses(spark, "suhu", 75.0, 0.0, rows), schemas.SENSOR_SUHU_GUDANG),
    "kelembaban": (
        lambda spark, rows: warehouses(spark, "kelembaban", 64.0, 0.5, rows),
        schemas.SENSOR_KELEMBABAN_GUDANG,
    ),
}


def main() -> None:
    what, rows, one_in = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else 0
    spark = SparkSession.builder.getOrCreate()
    make, topic = MAKERS[what]
    messages = make(spark, rows)
    if one_in:
        cut = f"if(rand(7) < 1.0 / {one_in}, left(value, length(value) - 2), value) AS value"
        messages = messages.selectExpr("key", cut)
    (
        messages.write.format("kafka")
        .option("kafka.bootstrap.servers", home.bootstrap_servers())
        .option("kafka.linger.ms", "20")
        .option("kafka.batch.size", "262144")
        .option("topic", topic)
        .save()
    )


if __name__ == "__main__":
    main()
