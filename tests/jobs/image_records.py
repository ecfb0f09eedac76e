"""Kafka records that hold images, as the tasks get them."""

import base64
import io
import json
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
from PIL import Image, ImageDraw

from tests.streaming.kafka_records import SCHEMA

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
    pairs = [{"key": name, "value": base64.b64encode(text.encode()).decode()} for name, text in headers.items()]
    return ("a-topic", 0, offset, AT, key, value, json.dumps(pairs))


def records(*rows: Record) -> pa.RecordBatch:
    """Return the records as a task gets them."""
    return pa.RecordBatch.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)
