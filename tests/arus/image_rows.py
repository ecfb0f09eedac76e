"""Rows of the table `images`, as the job would have made them of image messages, and its rejects."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from arus.image_flags import are_near_duplicates
from arus.image_headers import RejectedImage
from arus.image_measures import analyse
from arus.image_messages import ImageMessage, pack
from arus.schemas import IMAGE_STREAM
from tests.arus.delta_tables import Row, append, at

# Places that the stream's messages get, in turn.
PARTITIONS = 2
BEGAN = at(0)


def row_of(image: ImageMessage, number: int, sent: datetime) -> tuple[str, Row]:
    """Return the table that a message's row is for, and the row."""
    place = {"topic": IMAGE_STREAM, "partition": number % PARTITIONS, "offset": number // PARTITIONS}
    try:
        measured = vars(analyse(image.data, image.filename))
    except RejectedImage as rejected:
        value, headers = pack(image, "raw")
        kept = [{"key": name, "value": text} for name, text in headers]
        told = {"timestamp": sent, "key": b"", "value": value, "headers": kept, "batch_id": 0, "rejected_at": sent}
        return "rejects/image_analytics", {**place, **told, "reason": rejected.reason}
    said = {"filename": image.filename, "plant": image.plant, "disease": image.disease}
    return "images", {**said, **measured, "bytes": measured.pop("byte_count"), "event_time": sent, **place}


def fill(store: Path, images: Iterable[ImageMessage], began: datetime = BEGAN) -> dict[str, list[Row]]:
    """Write the tables of these messages, one a millisecond, with their duplicates marked; return the rows."""
    rows: dict[str, list[Row]] = {"images": [], "rejects/image_analytics": []}
    for number, image in enumerate(images):
        name, row = row_of(image, number, began + timedelta(milliseconds=number))
        rows[name].append(_marked(row, rows[name]) if name == "images" else row)
    for name, those in rows.items():
        append(store, name, those)
    return rows


def _marked(row: Row, before: list[Row]) -> Row:
    """Return the row of an image with a flag, and the place of the first, if it repeats one of those before."""
    for other in before:
        is_exact = other["sha256"] == row["sha256"]
        if is_exact or are_near_duplicates(other["phash"], row["phash"]):
            flag = "exact-duplicate" if is_exact else "near-duplicate"
            return row | {"flags": [*row["flags"], flag], "duplicate_of": place_of(other)}
    return row


def place_of(row: Row) -> str:
    return f"{row['topic']}-{row['partition']}-{row['offset']}"
