"""What `warehouse.ipynb` says in words and small tables."""

import json
from collections import Counter
from datetime import datetime, timezone
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from arus import home
from notebooks.shown import NO_READINGS, NO_STATUS, Shown
from notebooks.time_steps import SECOND, as_datetime
from notebooks.warehouse.data import DANGER, STATUSES, Held, Monitor

JOB = "warehouse_monitor"
MOMENT = "%Y-%m-%d %H:%M:%S"


def summary(monitor: Monitor) -> str:
    """Return in one line what there is to see, or how to get it."""
    if monitor.is_empty:
        return f"No warehouse readings yet in {home.store()}/tables: say `make demo`, then run this notebook again."
    between = f"{as_datetime(monitor.start):{MOMENT}} to {as_datetime(monitor.end):{MOMENT}} UTC"
    no_status = (
        "" if monitor.statuses and monitor.statuses.head(1).num_rows else " No status yet: the join waits for more."
    )
    return f"Looking at {between}, of the tables in {home.store()}/tables.{no_status}"


def totals(held: Held) -> Shown:
    """Return the hours of each status over all warehouses, and their share."""
    if not held.warehouses:
        return NO_STATUS
    seconds = held.seconds.sum(axis=(0, 1))
    whole = seconds.sum() or 1.0
    rows = [
        (status, _duration(amount), f"{amount / whole:.1%}")
        for status, amount in zip(STATUSES, seconds.tolist(), strict=True)
    ]
    return Shown(f"Over all warehouses ({len(held.warehouses):,})", ("status", "h:mm:ss", "share"), rows)


def most_dangerous(held: Held, count: int = 5) -> Shown:
    """Return the steps of time in which a warehouse was longest in danger, the longest first."""
    if not held.warehouses:
        return NO_STATUS
    danger = held.seconds[:, :, DANGER]
    worst = [divmod(place, danger.shape[1]) for place in (-danger).argsort(axis=None, kind="stable")[:count].tolist()]
    edges = held.grid.edges.tolist()
    rows = [
        (
            held.warehouses[warehouse],
            f"{as_datetime(edges[step]):{MOMENT}}",
            _duration(danger[warehouse, step]),
        )
        for warehouse, step in worst
        if danger[warehouse, step] > 0
    ]
    if not rows:
        return Shown(f"No warehouse was ever in '{STATUSES[DANGER]}'.")
    caption = f"Longest in '{STATUSES[DANGER]}', of all steps of {held.grid.said}"
    return Shown(caption, ("warehouse", "from (UTC)", "h:mm:ss"), rows, text_columns=2)


def waiting(monitor: Monitor, count: int = 10) -> Shown:
    """Return the statuses that may still change since a nearer partner may come, the longest waiting first."""
    state = state_rows()
    told = (
        f"The join holds {state[0]:,} readings (told {state[1]})."
        if state
        else "No job has told how much its join holds."
    )
    if monitor.statuses is None:
        return Shown(f"Nothing waits. {told}")
    open_rows = monitor.statuses.filter(ds.field("is_final") == False)  # noqa: E712
    number = open_rows.count_rows()
    columns = ["gudang_id", "status", "suhu", "kelembaban", "event_time"]
    first = (
        open_rows.to_table(columns).sort_by([("event_time", "ascending"), ("gudang_id", "ascending")]).slice(0, count)
    )
    moments = first["event_time"].cast("int64").to_pylist()
    rows = [
        (row["gudang_id"], row["status"], _number(row["suhu"]), _number(row["kelembaban"]), _age(monitor, moment))
        for row, moment in zip(first.to_pylist(), moments, strict=True)
    ]
    which = f" Of them, those {count} that have waited longest:" if number > count else ""
    caption = f"{told} Status rows that may still change: {number:,}.{which}"
    return Shown(
        caption, ("warehouse", "status so far", "°C", "%", "s before the newest reading"), rows, text_columns=2
    )


def state_rows() -> tuple[int, str] | None:
    """Return how many readings the join holds, and when the job said so; None where it has not."""
    try:
        status = json.loads((home.home() / "run" / f"{JOB}.status.json").read_text())
        return int(
            status["queries"][f"{JOB}.status"]["state_rows"]
        ), f"{datetime.fromisoformat(status['updated']).astimezone(timezone.utc):{MOMENT}} UTC"
    except (OSError, ValueError, KeyError, TypeError):
        return None


def counts(monitor: Monitor) -> Shown:
    """Return how many rows each table has in all, the readings by their kind and the rejects by their reason."""
    named = [
        *((f"reading, {kind}", number) for kind, number in _count(monitor.readings, "kind")),
        *((f"warning, {kind}", number) for kind, number in _count(monitor.warnings, "kind")),
        *(
            (f"status, {'final' if final else 'may change'}", number)
            for final, number in _count(monitor.statuses, "is_final")
        ),
        *((f"rejected, {reason}", number) for reason, number in _count(monitor.rejects, "reason")),
    ]
    if not named:
        return NO_READINGS
    late = "" if any(name == "rejected, late" for name, _ in named) else " No reading came too late."
    return Shown(
        f"Rows since the tables began.{late}", ("what", "rows"), [(name, f"{number:,}") for name, number in named]
    )


def _count(table: ds.Dataset | None, column: str) -> list[tuple[Any, int]]:
    """Return the column's values, sorted, and how many rows have each."""
    counter: Counter[Any] = Counter()
    for batch in table.to_batches(columns=[column]) if table else ():
        for pair in pc.value_counts(batch[column]).to_pylist():
            counter[pair["values"]] += pair["counts"]
    return sorted(counter.items(), key=lambda item: str(item[0]))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60:,}:{minutes % 60:02}:{rest:02}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _age(monitor: Monitor, moment: int) -> str:
    return f"{(monitor.end - moment) / SECOND:.1f}"
