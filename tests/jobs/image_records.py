"""Kafka records that hold images, as the jobs read them."""

import io
from datetime import datetime, timezone
from typing import Any

from PIL import Image, ImageDraw
from pyspark.sql import DataFrame, SparkSession

RECORD = (
    "topic string, partition int, offset bigint, timestamp timestamp, key binary, value binary, "
    "headers array<struct<key: string, value: binary>>"
)
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
Record = tuple[Any, ...]


def picture(kind: str = "JPEG", size: tuple[int, int] = (120, 90), mark: int = 0) -> bytes:
    """Return a file with a picture of stripes and a disc; `mark` moves the disc."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for x in range(0, size[0], 12):
        draw.line((x, 0, x, size[1]), fill=(20, 90, 30), width=3)
    left = mark * 17 % (size[0] - 30)
    draw.ellipse((left, mark * 11 % (size[1] - 30), left + 28, mark * 11 % (size[1] - 30) + 28), fill=(150, 60, 20))
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def record(offset: int, key: bytes | None, value: bytes | None, **headers: str) -> Record:
    pairs = [(name, text.encode()) for name, text in headers.items()]
    return ("a-topic", 0, offset, AT, key, value, pairs)


def records(spark: SparkSession, *rows: Record) -> DataFrame:
    return spark.createDataFrame(list(rows), RECORD)
