"""A query's checkpoint, looked at before Spark opens it: sound, new, or damaged, with the remedy."""

import json
from pathlib import Path

from arus.errors import ArusError

# What a log file of Spark's begins with; an offsets file then has its metadata and a line for each source.
VERSION = "v1"
OFFSETS_LINES = 3


def refuse_damaged(checkpoint: Path, job: str) -> None:
    """Raise ArusError where the checkpoint cannot be continued from: a job never begins again by itself."""
    if damage := damage_of(checkpoint):
        raise ArusError(
            f"the checkpoint {checkpoint} is damaged ({damage}): bring it back from a copy, "
            f"or begin afresh with `python -m arus reset {job}` (it moves the tables aside)"
        )


def damage_of(checkpoint: Path) -> str | None:
    """Return what is wrong with the checkpoint, or None where it is sound or not there yet."""
    offsets, commits = newest(checkpoint / "offsets"), newest(checkpoint / "commits")
    if offsets < 0 and commits < 0:
        return None
    if id_of(checkpoint) is None:
        return "metadata is missing or unreadable"
    if commits > offsets:
        return f"offsets/{commits} is missing"
    if not _is_log(checkpoint / "offsets" / str(offsets), OFFSETS_LINES):
        return f"offsets/{offsets} is unreadable"
    if commits >= 0 and not _is_log(checkpoint / "commits" / str(commits), 2):
        return f"commits/{commits} is unreadable"
    return None


def committed(checkpoint: Path) -> dict[str, dict[str, int]]:
    """Return up to where a query's topics are done, as {"topic": {"partition": offset}}."""
    number = newest(checkpoint / "commits")
    if number < 0:
        return {}
    offsets = (checkpoint / "offsets" / str(number)).read_text().splitlines()[OFFSETS_LINES - 1]
    found: dict[str, dict[str, int]] = json.loads(offsets)
    return found


def id_of(checkpoint: Path) -> str | None:
    """Return the id of the query that the checkpoint belongs to, None where it has not begun."""
    try:
        return str(json.loads((checkpoint / "metadata").read_text())["id"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def newest(log: Path) -> int:
    """Return the number of the newest batch in a log folder, -1 where there is none."""
    numbers = [int(entry.name) for entry in log.iterdir() if entry.name.isdigit()] if log.is_dir() else []
    return max(numbers, default=-1)


def _is_log(path: Path, lines: int) -> bool:
    version, *records = path.read_text(errors="replace").splitlines() or [""]
    try:
        return version == VERSION and len([json.loads(record) for record in records if record != "-"]) >= lines - 1
    except ValueError:
        return False
