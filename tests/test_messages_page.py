"""docs/messages.md against the code: each topic's fields and their other names, and every reason code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from arus import schemas, settings
from arus.home import ROOT
from arus.schemas import KELEMBABAN, SUHU
from arus.streaming.records import Field
from jobs import retail_ingest, temperature_filter, warehouse_monitor

PAGE = (ROOT / "docs" / "messages.md").read_text()
RAISED = {"InvalidRecordError", "RejectedImage"}
# Spelt out where they are made: the child process that decodes answers with a reason, not with an exception.
OF_THE_DECODER = {"decoder-failed:NAME"}


def section(title: str) -> str:
    """Return what stands under a heading, up to the next one of the same depth."""
    level = title.split()[0]
    _, _, rest = PAGE.partition(f"\n{title}\n")
    return re.split(rf"^{level} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables' rows in a text, without their heads."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in cells] for cells in lines if cells[0].strip().startswith("`")]


def texts(node: ast.expr) -> Iterator[str]:
    """Yield what a reason may be; NAME for what only running the code can tell."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "NAME" for part in node.values)


def reasons(path: Path) -> set[str]:
    """Return the reason codes that a file gives: raised, or put beside rejected records."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in RAISED and node.args:
            found.update(texts(node.args[0]))
        if name == "as_rejects":
            lists = [one for one in ast.walk(node.args[1]) if isinstance(one, ast.List)]
            found.update(text for one in lists for item in one.elts for text in texts(item))
    return found


def in_code() -> set[str]:
    files = [*(ROOT / "arus").rglob("*.py"), *(ROOT / "jobs").glob("*.py")]
    return set().union(*map(reasons, files)) | OF_THE_DECODER


def on_page() -> set[str]:
    codes = [row[0].strip("`") for row in rows(section("## Reasons"))]
    assert len(codes) == len(set(codes)), "each once"
    return {re.sub(":[A-Z]+$", ":NAME", code) for code in codes}


def test_the_page_has_every_reason_and_no_other() -> None:
    # Of images, a field that is missing is always this one.
    code = {reason.replace(":image", ":NAME") for reason in in_code()}
    assert len(code) > 30
    assert on_page() == code


def conf(job: str) -> dict[str, str]:
    lines = (ROOT / "conf" / f"{job}.conf").read_text().splitlines()
    pairs = (line.split(None, 1) for line in lines if line.startswith(settings.PREFIX))
    return {key: "".join(value) for key, *value in pairs}


def topics() -> dict[str, tuple[Field, ...]]:
    of_kind = warehouse_monitor.sensor_fields(settings.read(warehouse_monitor.Settings, conf("warehouse_monitor")))
    readings = settings.read(temperature_filter.Settings, conf("temperature_filter"))
    return {
        schemas.SENSOR_SUHU: temperature_filter.reading_fields(readings),
        schemas.SENSOR_SUHU_GUDANG: of_kind[SUHU],
        schemas.SENSOR_KELEMBABAN_GUDANG: of_kind[KELEMBABAN],
        schemas.RETAIL_STREAM: retail_ingest.FIELDS,
    }


@pytest.mark.parametrize("topic", topics())
def test_the_page_has_each_field_with_its_kind_and_its_other_names(topic: str) -> None:
    kinds = {"identifier": "identifier", "number": "number", "whole_number": "whole number", "instant": "time"}
    expected = [
        (
            field.name,
            kinds.get(field.rule.__name__, field.rule.__name__),
            "required" if field.required else "optional",
            list(field.aliases),
        )
        for field in topics()[topic]
    ]
    found = rows(section(f"## {topic}").partition("\n### ")[0])
    told = [
        (name.strip("`"), kind.partition(",")[0], needed, re.findall("`([^`]+)`", others))
        for name, kind, needed, others in found
    ]
    assert told == expected
