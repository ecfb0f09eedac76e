"""A job's settings: `spark.arus.*` keys, read into the frozen dataclass at the top of the job."""

import dataclasses
import math
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from arus.errors import ArusError

PREFIX = "spark.arus."
S = TypeVar("S")
UNIT_SECONDS = {"millisecond": 0.001, "second": 1, "minute": 60, "hour": 3600}


@dataclass(frozen=True)
class Trigger:
    """When a query takes its next micro-batch: one of the forms in TRIGGER_FORMS."""

    kind: str
    interval: str = ""

    @classmethod
    def parse(cls, text: str) -> "Trigger":
        """Read `realtime 5 minutes`, `2 seconds` or `availableNow`; ValueError says which forms there are."""
        if text == "availableNow":
            return cls("availableNow")
        match = re.fullmatch(r"(realtime )?(\d+ (?:millisecond|second|minute|hour)s?)", text.strip())
        if not match:
            raise ValueError(TRIGGER_FORMS)
        return cls("realtime" if match[1] else "processingTime", match[2])

    @property
    def drains(self) -> bool:
        """Whether the query ends by itself when it has read what was there at its start."""
        return self.kind == "availableNow"

    @property
    def is_realtime(self) -> bool:
        return self.kind == "realtime"

    @property
    def seconds(self) -> float:
        """The interval in seconds; 0 where there is none."""
        count, _, unit = self.interval.partition(" ")
        return float(count) * UNIT_SECONDS[unit.removesuffix("s")] if self.interval else 0.0

    def options(self) -> dict[str, Any]:
        """Return the arguments of DataStreamWriter.trigger."""
        names = {"realtime": "realTime", "processingTime": "processingTime"}
        return {"availableNow": True} if self.drains else {names[self.kind]: self.interval}


TRIGGER_FORMS = "realtime <interval>, <interval> (such as `2 seconds`; `0 seconds` is at once), or availableNow"


def read(settings_type: type[S], conf: Mapping[str, str]) -> S:
    """Return the settings in `conf`; ArusError names every key that is unknown, missing or ill-typed."""
    types = typing.get_type_hints(settings_type)
    keys = {PREFIX + field.name.replace("_", "-"): field.name for field in dataclasses.fields(settings_type)}  # type: ignore[arg-type]
    given = {key: value for key, value in conf.items() if key.startswith(PREFIX)}
    problems = [f"{key} is unknown (known: {', '.join(sorted(keys))})" for key in sorted(given.keys() - keys.keys())]
    problems += [f"{key} is missing" for key in sorted(keys.keys() - given.keys())]
    values: dict[str, Any] = {}
    for key in sorted(given.keys() & keys.keys()):
        try:
            values[keys[key]] = _PARSERS[types[keys[key]]](given[key].strip())
        except ValueError as error:
            problems.append(f"{key} = {given[key]!r} is not {error}")
    if problems:
        raise ArusError("settings: " + "; ".join(problems))
    return settings_type(**values)


def _number(kind: Callable[[str], Any], name: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(name) from None

    return parse


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("true or false")
    return text == "true"


_PARSERS: dict[type, Callable[[str], Any]] = {
    str: str,
    int: _number(int, "a whole number"),
    float: _number(_finite, "a finite number"),
    bool: _flag,
    Trigger: Trigger.parse,
}
