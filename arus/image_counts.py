"""How many images there are by plant, disease and format: kept current by the job, for whoever looks.

In `run/<job>.counts.json`, replaced with every micro-batch. What the table holds is counted at the job's start, so that
a crash between a commit and its count leaves nothing wrong.
"""

import json
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from arus import home
from arus.text import number_of, printable
from arus.whole_files import write_atomically

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

GROUP = ["plant", "disease", "format"]
UNKNOWN = "-"

Group = tuple[str, str, str]


class ImageCounts:
    """The counts of a job's images, those that its table holds already among them."""

    def __init__(self, job: str, images: "ds.Dataset") -> None:
        self._path = path_of(job)
        self._counts = Counter(counted(images.to_table(columns=GROUP)))
        self._write()

    def add(self, images: "pa.Table") -> None:
        self._counts.update(counted(images))
        self._write()

    def _write(self) -> None:
        rows = [dict(zip(GROUP, group, strict=True)) | {"images": n} for group, n in sorted(self._counts.items())]
        updated = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        write_atomically(self._path, json.dumps({"updated": updated, "counts": rows}))


def counted(rows: "pa.Table") -> dict[Group, int]:
    """Return how many rows each group has."""
    groups = rows.select(GROUP).group_by(GROUP).aggregate([([], "count_all")]).to_pylist()
    return {(row["plant"] or "", row["disease"] or "", row["format"] or ""): row["count_all"] for row in groups}


def path_of(job: str) -> Path:
    return home.run() / f"{job}.counts.json"


def read(job: str) -> Counter[Group]:
    """Return a job's counts, none where it keeps none or they cannot be read."""
    try:
        rows = json.loads(path_of(job).read_text())["counts"]
        return Counter({(row["plant"], row["disease"], row["format"]): int(row["images"]) for row in rows})
    except (OSError, ValueError, LookupError, TypeError):
        return Counter()


def line_of(counts: Counter[Group]) -> str:
    """Return the counts in a line: all, the formats, and how far the classes are from being of one size."""
    formats, classes = _by(counts, 2), _by(counts, 0, 1)
    of_formats = ", ".join(f"{name[0] or UNKNOWN} {number:,}" for name, number in formats.most_common())
    plants = len({plant for plant, _, _ in counts if plant})
    most, least = classes.most_common()[0], classes.most_common()[-1]
    sizes = f"from {_named(least[0])} {least[1]:,} to {_named(most[0])} {most[1]:,}"
    where = f"{number_of(plants, 'plant')} in {number_of(len(classes), 'class')}"
    return f"images: {counts.total():,} ({of_formats}) of {where}, {sizes}"


def _by(counts: Counter[Group], *places: int) -> Counter[tuple[str, ...]]:
    summed: Counter[tuple[str, ...]] = Counter()
    for group, number in counts.items():
        summed[tuple(group[place] for place in places)] += number
    return summed


def _named(label: tuple[str, ...]) -> str:
    return printable("/".join(part or UNKNOWN for part in label))
