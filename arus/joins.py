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
    bounds = {_bound(node, times) for node in _conjuncts(nodes[place].get("condition") or [])}
    for missing in sorted({"lower", "upper"} - bounds):
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


def _conjuncts(condition: list[Node]) -> list[list[Node]]:
    """Return the parts of a condition that must all hold."""
    if not condition or _name(condition[0]) != "And":
        return [condition]
    middle = _end(condition, 1)
    return [*_conjuncts(condition[1:middle]), *_conjuncts(condition[middle:])]


def _bound(comparison: list[Node], times: list[int | None]) -> str | None:
    """Return which bound of the left side's event time by the right side's this is, if it is one."""
    name = _name(comparison[0]) if comparison else ""
    if name not in AT_LEAST | AT_MOST:
        return None
    middle = _end(comparison, 1)
    seen = [_columns(comparison[1:middle]) & set(times), _columns(comparison[middle:]) & set(times)]
    if seen not in ([{times[0]}, {times[1]}], [{times[1]}, {times[0]}]):
        return None
    is_left_first = seen[0] == {times[0]}
    return "lower" if (name in AT_LEAST) == is_left_first else "upper"


def _columns(nodes: list[Node]) -> set[int | None]:
    return {node["exprId"]["id"] for node in nodes if _name(node) == "AttributeReference"}
