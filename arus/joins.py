"""What keeps the state of a stream-stream join from growing for ever, checked before it starts."""

import json
from typing import Any

from pyspark.sql import DataFrame

from arus.errors import ArusError

AT_LEAST = {"GreaterThan", "GreaterThanOrEqual"}
AT_MOST = {"LessThan", "LessThanOrEqual"}
Node = dict[str, Any]


def refuse_unbounded(joined: DataFrame) -> None:
    """Raise ArusError unless both sides of the join have a watermark and their event times bound each other both ways.

    Spark accepts less (an inner join without any bound, an outer join with one) and then keeps every row.
    """
    nodes: list[Node] = json.loads(joined._jdf.queryExecution().analyzed().toJSON())
    place = next((n for n, node in enumerate(nodes) if _name(node) == "Join"), None)
    if place is None:
        raise ArusError("the status query joins nothing")
    left_end = _end(nodes, place + 1)
    sides = [nodes[place + 1 : left_end], nodes[left_end : _end(nodes, left_end)]]
    times = [_event_time(side) for side in sides]
    if None in times:
        raise ArusError("the join's state would grow for ever: a side has no watermark")
    condition = nodes[place].get("condition") or []
    for names, missing in ((AT_LEAST, "lower"), (AT_MOST, "upper")):
        if not any(_name(node) in names and _compares(condition, n, times) for n, node in enumerate(condition)):
            raise ArusError(f"the join's state would grow for ever: its condition has no {missing} bound in time")


def _name(node: Node) -> str:
    return str(node["class"]).rpartition(".")[2]


def _end(nodes: list[Node], begin: int) -> int:
    """Return where the subtree that begins at `begin` ends, in a tree written root first."""
    open_nodes, place = 1, begin
    while open_nodes:
        open_nodes += nodes[place]["num-children"] - 1
        place += 1
    return place


def _event_time(side: list[Node]) -> int | None:
    """Return the id of the column that carries the side's watermark."""
    marks = [node for node in side if _name(node) == "EventTimeWatermark"]
    return int(marks[0]["eventTime"][0]["exprId"]["id"]) if marks else None


def _compares(condition: list[Node], place: int, times: list[int | None]) -> bool:
    inside = condition[place : _end(condition, place)]
    seen = {node["exprId"]["id"] for node in inside if _name(node) == "AttributeReference"}
    return set(times) <= seen
