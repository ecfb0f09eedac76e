"""python -m arus status: what each job's queries did last, whether they and Kafka run, the warehouses now. No JVM."""

import argparse
import json
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from arus import board_view, cells, home, image_counts, locks
from arus.errors import ArusError
from arus.ping import addresses, is_kafka, kafka_remedy

COLUMNS = ("state", "batch", "in", "out", "rejected", "lag", "kept", "ms", "age")
LEGEND = (
    "in, out, rejected: rows since the job started; lag: rows waiting in the topic; kept: rows of state;\n"
    "ms: what the last batch took; age: time since it began. Big numbers are cut (M, G); --json has all."
)
WIDTH = 100
LONGEST_QUERY = 23
# States that a driver writes itself when it ends.
ENDED = ("stopped", "failed")


def broker() -> dict[str, Any]:
    """Return the address of Kafka and whether one answers there."""
    try:
        return {"address": home.bootstrap_servers(), "answers": any(is_kafka(address) for address in addresses())}
    except ArusError as error:
        return {"address": home.bootstrap_servers(), "answers": False, "error": str(error)}


def jobs() -> dict[str, dict[str, Any]]:
    """Return every job that ever ran in this home: the listener's status file, and what its lock says of it now."""
    reported = [path.name.removesuffix(".status.json") for path in home.run().glob("[!.]*.status.json")]
    started = [path.stem.removeprefix("checkpoints-") for path in locks.path_of("").parent.glob("checkpoints-*.lock")]
    alive = [name for name in started if locks.is_held(f"checkpoints/{name}")]
    return {name: job(name) | _board(name) | _counts(name) for name in sorted({*reported, *alive})}


def job(name: str) -> dict[str, Any]:
    """Return what is known of one job: its state, in words what it does or waits for, and its queries.

    The state is starting, running, training, waiting, stopping, stopped, failed or killed.
    """
    is_running = locks.is_held(f"checkpoints/{name}")
    try:
        found = json.loads((home.run() / f"{name}.status.json").read_text())
        updated, error = found["updated"], found.get("error")
        state, doing = str(found.get("state", "stopped")), str(found.get("doing", ""))
        queries = {query: _as_it_is(facts, is_running) for query, facts in found["queries"].items()}
    except FileNotFoundError:
        return {"state": "starting" if is_running else "stopped", "doing": "", "queries": {}}
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as fault:
        return {
            "state": "unknown",
            "doing": "",
            "queries": {},
            "error": f"its status file is damaged ({type(fault).__name__}): the next start writes a new one",
        }
    if is_running and updated < _running_since(name):
        return {"state": "starting", "doing": "", "queries": {}}
    if not is_running:
        # What the driver could not say any more: it was killed before it wrote that it had stopped.
        state, doing = (state if state in ENDED else "killed"), ""
    return {"state": state, "doing": doing, "error": error, "updated": updated, "queries": queries}


def _counts(name: str) -> dict[str, Any]:
    counts = image_counts.read(name)
    rows = [dict(zip(image_counts.GROUP, group, strict=True)) | {"images": n} for group, n in counts.items()]
    return {"counts": rows, "summary": image_counts.line_of(counts)} if counts else {}


def _board(name: str) -> dict[str, Any]:
    view = board_view.read(name, datetime.now(timezone.utc))
    return {"board": view} if view else {}


def _as_it_is(facts: dict[str, Any], is_running: bool) -> dict[str, Any]:
    """Return a query's facts with what the listener could not know: that it was killed, the last batch's age (s)."""
    was_killed = facts["state"] == "running" and not is_running
    age = datetime.now(timezone.utc) - _time(facts["at"]) if "at" in facts else None
    return facts | {"state": "killed" if was_killed else facts["state"], "age_s": age and round(age.total_seconds(), 1)}


def _running_since(name: str) -> str:
    """Return since when the lock is held, in UTC as ISO text; nothing if the holder has not yet written it."""
    try:
        return str(json.loads(locks.path_of(f"checkpoints/{name}").read_text())["since"])
    except (ValueError, LookupError):
        return ""


def _time(text: str) -> datetime:
    # Python 3.10 does not read the Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def text_of(found: dict[str, dict[str, Any]], kafka: dict[str, Any], shows_all: bool) -> str:
    """Return the status as text for a terminal of 100 columns."""
    told = kafka.get("error") or f"{kafka['address']} {'answers' if kafka['answers'] else 'does not answer'}"
    remedy = "" if kafka["answers"] or "error" in kafka else f": {kafka_remedy()}"
    lines = [f"broker: {told}{remedy}"]
    if not found:
        return "\n".join([*lines, "no job ever ran here: `make demo`, or `./spark-submit.sh temperature_filter`"])
    for name, facts in found.items():
        lines += ["", *_remarks(name, facts)]
        if facts["queries"]:
            lines += [_row("  query", COLUMNS)]
        for query, of_query in facts["queries"].items():
            lines += [_row("  " + query.removeprefix(f"{name}."), _cells(of_query)), *_notes(of_query)]
        if "summary" in facts:
            lines.append(f"  {facts['summary']}")
        if "board" in facts:
            lines += board_view.text_of(facts["board"], locks.is_held(f"checkpoints/{name}"), shows_all)
    return "\n".join([*lines, "", LEGEND])


def _remarks(name: str, facts: dict[str, Any]) -> list[str]:
    """Return what is said above a job's queries: its state, what it does, and why it ended."""
    lines = [headline(name, facts)]
    if facts.get("error"):
        lines.append(cut(f"  last error: {' '.join(facts['error'].split())}"))
    if facts["state"] == "killed":
        lines.append(f"  it ended without a word: see {home.logs() / name}.log; start it again, nothing is lost")
    return lines


def headline(name: str, facts: dict[str, Any]) -> str:
    """Return a job's state, and what it does or waits for, in a line."""
    return cut(f"{name}: {facts['state']}{': ' if facts['doing'] else ''}{facts['doing']}")


def cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 4] + " ..."


def _cells(facts: dict[str, Any]) -> tuple[str, ...]:
    total = facts.get("total", {})
    numbers = [
        total.get("rows_in"),
        total.get("rows_out"),
        total.get("rejected"),
        facts.get("lag"),
        facts.get("state_rows"),
    ]
    batch, milliseconds = facts.get("batch"), facts.get("batch_ms")
    return (
        facts["state"],
        cells.short(batch),
        *map(cells.short, numbers),
        cells.short(milliseconds),
        cells.age(facts.get("age_s")),
    )


def _row(query: str, texts: tuple[str, ...]) -> str:
    state, *numbers = texts
    return (
        f"{cells.cut(query, LONGEST_QUERY):<{LONGEST_QUERY}} {state:<8}"
        + "".join(f"{number:>9}" for number in numbers[:-1])
        + f"{numbers[-1]:>5}"
    )


def _notes(facts: dict[str, Any]) -> list[str]:
    lines = []
    if facts["state"] == "running" and facts.get("batch") is None:
        lines.append("    its first batch is counted when it ends: in Real-time Mode after minutes")
    if faults := facts.get("total", {}).get("time_faults"):
        lines.append(f"    {faults:,} with an unusable time count at Kafka's: see time_fault in the table")
    if grown := facts.get("partitions"):
        told = ", ".join(f"{topic} has {count}" for topic, count in sorted(grown["now"].items()))
        lines.append(f"    new partitions since {grown['at'][:16].replace('T', ' ')}Z: {told}")
    if facts.get("error"):
        lines.append(f"    last error: {' '.join(facts['error'].split())}")
    return [cut(line) for line in lines]


def main(argv: list[str]) -> int:
    """Show the status; exit code 0 whatever it is."""
    parser = argparse.ArgumentParser(prog="python -m arus status", description=__doc__)
    parser.add_argument("--json", action="store_true", help='as one object: {"jobs": {...}, "broker": {...}}')
    parser.add_argument("--all", action="store_true", help="each warehouse, not only the most urgent")
    options = parser.parse_args(argv)
    found, kafka = jobs(), broker()
    if options.json:
        print(json.dumps({"jobs": found, "broker": kafka}, indent=1, default=asdict))
    else:
        print(text_of(found, kafka, options.all))
    return 0
