"""python -m arus rejects list|show|replay: the records that a job could not use; why; and sending them again."""

import argparse
import base64
import heapq
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from arus import delta_files, home, replay
from arus.errors import ArusError
from arus.text import readable

COLUMNS = ["topic", "partition", "offset", "timestamp", "reason", "key", "value", "headers"]
Record = dict[str, Any]


def record_id(record: Record) -> str:
    return f"{record['topic']}-{record['partition']}-{record['offset']}"


def counts(job: str) -> dict[str, int]:
    """Return how many records the job rejected for each reason, most frequent first."""
    found: Counter[str] = Counter()
    for piece in delta_files.pieces(delta_files.opened(f"rejects/{job}"), ["reason"]):
        found.update(piece.column(0).to_pylist())
    return dict(found.most_common())


def records(job: str, reason: str | None = None) -> Iterator[Record]:
    """Return the job's rejected records, as they lie in the table; ArusError where the reason is none of them."""
    import pyarrow.compute as pc

    if reason and reason not in (reasons := counts(job)):
        raise ArusError(f"{job} rejected nothing for '{reason}'; its reasons: {', '.join(reasons) or 'none'}")
    table = delta_files.opened(f"rejects/{job}")
    for piece in delta_files.pieces(table, COLUMNS, pc.field("reason") == reason if reason else None):
        yield from piece.to_pylist()


def latest(found: Iterable[Record], limit: int) -> list[Record]:
    """Return the last `limit` records by Kafka's time, oldest first."""

    def time_and_place(record: Record) -> tuple[Any, ...]:
        return record["timestamp"], record["topic"], record["partition"], record["offset"]

    return heapq.nlargest(limit, found, key=time_and_place)[::-1]


def line(record: Record) -> str:
    """Return a record as a line, safe on a terminal: its id, Kafka's time in UTC, reason, key and value."""
    at = f"{record['timestamp']:%Y-%m-%dT%H:%M:%SZ}"
    parts = [record_id(record), at, record["reason"], readable(record["key"]), readable(record["value"])]
    headers = " ".join(f"{readable(h['key'].encode())}={readable(h['value'])}" for h in record["headers"] or [])
    return "  ".join([*parts, f"[{headers}]"] if headers else parts)


def as_json(record: Record) -> str:
    """Return a record whole, as one JSON line; text is null where the bytes are no UTF-8."""
    headers = [
        {"key": header["key"], "value": _text(header["value"]), "value_base64": _base64(header["value"])}
        for header in record["headers"] or []
    ]
    return json.dumps(
        {
            "id": record_id(record),
            **{name: record[name] for name in ("topic", "partition", "offset")},
            "timestamp": record["timestamp"].isoformat(),
            "reason": record["reason"],
            "key": _text(record["key"]),
            "value": _text(record["value"]),
            "value_base64": _base64(record["value"]),
            "headers": headers,
        },
        ensure_ascii=False,
    )


def _text(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _list(options: argparse.Namespace) -> int:
    found = {job: counts(job) for job in delta_files.reject_jobs()}
    if options.json:
        print(json.dumps(found, indent=1))
    elif not any(found.values()):
        print(f"nothing was rejected: {', '.join(found) or f'no job has run in {home.store()}'}")
    else:
        print("\n".join(f"{count:>9,}  {job}  {reason}" for job in found for reason, count in found[job].items()))
        print("see them with `python -m arus rejects show JOB`")
    return 0


def _show(options: argparse.Namespace) -> int:
    found = records(_known(options.job), options.reason)
    for record in latest(found, options.limit) if options.limit else found:
        print(as_json(record) if options.json else line(record))
    return 0


def _replay(options: argparse.Namespace) -> int:
    job = _known(options.job)
    edits = replay.read_edits(options.file) if options.file else None
    chosen = ((record_id(record), record) for record in records(job, options.reason))
    if edits is not None:
        there = {record_id(record) for record in records(job, options.reason)}
        if missing := [name for name in edits if name not in there]:
            raise ArusError(
                f"{options.file}: {missing[0]} is not among the rejects chosen of {job} ({len(missing)} such)"
            )
        chosen = ((name, replay.edited(record, edits[name])) for name, record in chosen if name in edits)
    print(replay.replay(job, chosen, again=options.again, dry_run=options.dry_run))
    return 0


def _known(job: str) -> str:
    if job not in (jobs := delta_files.reject_jobs()):
        raise ArusError(f"no rejects of a job '{job}'; there are those of: {', '.join(jobs) or 'none yet'}")
    return job


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m arus rejects", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="list|show|replay")
    how_many = "how many there are, by job and reason"
    which = "the records of a job, the latest by Kafka's time"
    listing = verbs.add_parser("list", help=how_many, description=how_many)
    listing.set_defaults(run=_list)
    show = verbs.add_parser("show", help=which, description=which)
    show.set_defaults(run=_show)
    again = verbs.add_parser("replay", help="send records again, whole or mended", description=replay.__doc__)
    again.set_defaults(run=_replay)
    listing.add_argument("--json", action="store_true", help="print them as one JSON object")
    whole = "print each record whole, as a line of JSON that `replay --file` takes"
    show.add_argument("--json", action="store_true", help=whole)
    for verb in (show, again):
        verb.add_argument("job", help="whose records, such as retail_ingest; `list` names the jobs")
        reason = "only the records rejected for this reason, as `list` names it"
        verb.add_argument("--reason", metavar="CODE", help=reason)
    most = "show the latest N; 0 is all of them (default 20)"
    show.add_argument("--limit", type=_count, default=20, metavar="N", help=most)
    edited = "only the records in this file: lines of `show --json`, their values edited"
    again.add_argument("--file", type=Path, help=edited)
    again.add_argument("--dry-run", action="store_true", help="say what would be sent, no more")
    again.add_argument("--again", action="store_true", help="send also what was replayed before")
    return parser


def main(argv: list[str]) -> int:
    """List, show or replay; exit code 0 only if everything asked for was done."""
    options = _parser().parse_args(argv)
    return int(options.run(options))
