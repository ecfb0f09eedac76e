"""Small warehouse tables as the monitor's job would have made them, with the plain rows beside, for an oracle."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

Row = dict[str, Any]
START = datetime(2026, 1, 2, 3, 4, 5, 250_000, timezone.utc)
MOMENT = pa.timestamp("us", "UTC")
POSITION = {"topic": pa.string(), "partition": pa.int32(), "offset": pa.int64()}
READING = {"gudang_id": pa.string(), "kind": pa.string(), "reading": pa.float64(), "event_time": MOMENT}
WARNING = {"gudang_id": pa.string(), "kind": pa.string(), "value": pa.float64(), "event_time": MOMENT}
STATUS = {
    "gudang_id": pa.string(),
    "suhu": pa.float64(),
    "suhu_time": MOMENT,
    "kelembaban": pa.float64(),
    "kelembaban_time": MOMENT,
    "status": pa.string(),
    "event_time": MOMENT,
    "is_final": pa.bool_(),
    "suhu_partition": pa.int32(),
    "suhu_offset": pa.int64(),
    "kelembaban_partition": pa.int32(),
    "kelembaban_offset": pa.int64(),
    "batch_id": pa.int64(),
    "settled": pa.bool_(),
}
SCHEMAS = {
    "tables/sensor_gudang": READING | POSITION,
    "tables/peringatan_gudang": {"alert_id": pa.string(), **WARNING},
    "tables/status_gudang": STATUS,
    "rejects/warehouse_monitor": {**POSITION, "reason": pa.string(), "rejected_at": MOMENT},
}


def write(home: Path, name: str, rows: Sequence[Row]) -> None:
    """Append the rows to a table of this home; status rows are partitioned as the job has them."""
    table = pa.Table.from_pylist(list(rows), pa.schema(list(SCHEMAS[name].items())))
    partitions = ["settled"] if name == "tables/status_gudang" else None
    write_deltalake(str(home / name), table, mode="append", partition_by=partitions)


def status_of(suhu: float | None, kelembaban: float | None) -> str:
    if suhu is None or kelembaban is None:
        return "Kelembaban saja" if suhu is None else "Suhu saja"
    if suhu > 80 and kelembaban > 70:
        return "Bahaya tinggi! Barang berisiko rusak"
    if suhu > 80:
        return "Suhu tinggi, kelembaban normal"
    return "Kelembaban tinggi, suhu aman" if kelembaban > 70 else "Aman"


def statuses(warehouses: Sequence[str], seconds: int, seed: int = 1) -> list[Row]:
    """Return the status rows of so many seconds, about one a second and warehouse, with gaps and missing partners."""
    draw = random.Random(seed)
    rows = []
    for place, name in enumerate(warehouses):
        suhu, kelembaban, moment = 78.5 - place % 3, 68.5 - place % 2, 0.0
        while moment < seconds:
            suhu += (78.5 - place % 3 - suhu) / 40 + draw.gauss(0, 0.3)
            kelembaban += (68.5 - place % 2 - kelembaban) / 40 + draw.gauss(0, 0.3)
            missing = draw.choice(("suhu", "kelembaban")) if draw.random() < 0.02 else ""
            rows.append(
                status_row(
                    name,
                    START + timedelta(seconds=round(moment, 3)),
                    None if missing == "suhu" else suhu,
                    None if missing == "kelembaban" else kelembaban,
                    is_final=moment < seconds - 5,
                )
            )
            moment += draw.choice((1.0, 1.0, 1.0, 0.0, 1.003)) if draw.random() < 0.99 else draw.uniform(5, 120)
    return rows


def status_row(name: str, moment: datetime, suhu: float | None, kelembaban: float | None, *, is_final: bool) -> Row:
    return {
        "gudang_id": name,
        "suhu": suhu,
        "suhu_time": moment if suhu is not None else None,
        "kelembaban": kelembaban,
        "kelembaban_time": moment if kelembaban is not None else None,
        "status": status_of(suhu, kelembaban),
        "event_time": moment,
        "is_final": is_final,
        "settled": is_final,
    }


def readings(rows: Sequence[Row]) -> list[Row]:
    """Return the readings that such status rows come from."""
    return [
        {"gudang_id": row["gudang_id"], "kind": kind, "reading": row[kind], "event_time": row["event_time"]}
        for row in rows
        for kind in ("suhu", "kelembaban")
        if row[kind] is not None
    ]


def fill(home: Path, rows: Sequence[Row]) -> None:
    """Make all tables and the job's status file in a home, from its status rows."""
    values = readings(rows)
    write(home, "tables/status_gudang", rows)
    write(home, "tables/sensor_gudang", values)
    limits = {"suhu": 80, "kelembaban": 70}
    high = [{**row, "value": row["reading"]} for row in values if row["reading"] > limits[row["kind"]]]
    write(home, "tables/peringatan_gudang", high)
    rejects = [{"topic": "sensor-suhu-gudang", "reason": reason} for reason in ("late", "late", "not-json")]
    write(home, "rejects/warehouse_monitor", rejects)
    (home / "run").mkdir(exist_ok=True)
    told = {"updated": "2026-01-02T03:04:05.678+00:00", "queries": {"warehouse_monitor.status": {"state_rows": 42}}}
    (home / "run" / "warehouse_monitor.status.json").write_text(json.dumps(told))
