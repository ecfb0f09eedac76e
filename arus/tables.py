"""python -m arus tables [--json]: the Delta tables, in figures. tables export TABLE --csv FOLDER: their rows.

tables check: whether each message in Kafka is a row or a reject, and once.
"""

import argparse
import json
from pathlib import Path

from arus import home
from arus.base.waiting import wait_aloud
from arus.csv_export import export
from arus.delta_files import Summary, names, summary

# A micro-batch commits its table and its rejects one after the other.
COMMIT_SECONDS = 10.0
LOOK_SECONDS = 1.0


def list_of(found: list[Summary]) -> str:
    """Return the summaries as a table for the terminal, times in UTC; a broken table's line says what is wrong."""
    width = max(len("table"), *(len(table.name) for table in found))
    lines = [f"{'table':<{width}}  {'rows':>12}  {'files':>6}  {'size':>10}  {'version':>8}  last commit (UTC)"]
    return "\n".join(lines + [_line(table, width) for table in found])


def _line(table: Summary, width: int) -> str:
    if table.error:
        return f"{table.name:<{width}}  cannot be read: {table.error}"
    committed = f"{table.committed:%Y-%m-%d %H:%M:%S}" if table.committed else "?"
    return (
        f"{table.name:<{width}}  {table.rows:>12,}  {table.files:>6,}  {_size(table.size):>10}"
        f"  {table.version:>8,}  {committed}"
    )


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def show(as_json: bool) -> int:
    """Print every table of the store; return 1 if one of them cannot be read."""
    found = [summary(name) for name in names()]
    if as_json:
        print(json.dumps([table._asdict() for table in found], indent=1, default=str))
    elif found:
        print(list_of(found))
    else:
        print(
            f"no tables in {home.store()} yet: start a job, as with `./spark-submit.sh retail_ingest`, or `make demo`"
        )
    return 1 if any(table.error for table in found) else 0


def check(patience: float, as_json: bool) -> int:
    """Print the accounts of all topics, once they are right; return 1 if they do not come to be so in time (seconds).

    `patience`: how long for all messages to be read, too; else only as long as a micro-batch takes
    that has committed to one of its tables.
    """
    # Here, since the list of tables needs none of what it imports.
    from arus.cli.accounts import Account, accounts, table_of

    found: list[Account] = []

    def are_right() -> bool:
        found[:] = accounts()
        return all(account.is_right and not (patience and account.unread) for account in found)

    longest = max(patience, COMMIT_SECONDS)
    is_right = wait_aloud(
        are_right, "each message to be a row or a reject", patience=longest, look_seconds=LOOK_SECONDS
    )
    print(json.dumps([account._asdict() for account in found], indent=1) if as_json else table_of(found))
    return 0 if is_right else 1


def main(argv: list[str]) -> int:
    """List the tables, export one, or check them; exit code 1 if one cannot be read, or the check finds something."""
    parser = argparse.ArgumentParser(prog="python -m arus tables", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the list as JSON, size in bytes")
    verbs = parser.add_subparsers(dest="verb", metavar="export|check")
    to_csv = verbs.add_parser(
        "export",
        help="write a table's rows as CSV",
        description="Write a table as CSV. A table with a batch_id becomes one file a micro-batch,"
        " batch_<number>_<earliest event time>.csv; run again, only new batches are written. Any other is TABLE.csv."
        " After a reset of the job, batches are numbered anew: take a new folder.",
    )
    to_csv.add_argument("table", help="such as retail; `python -m arus tables` lists them")
    into = "where the files go; made if it is not there"
    to_csv.add_argument("--csv", type=Path, required=True, metavar="FOLDER", help=into)
    checking = verbs.add_parser(
        "check",
        help="whether each message in Kafka is a row or a reject, and once",
        description="Compare the topics in Kafka with the tables: exit code 1 if a message is missing, or there twice.",
    )
    checking.add_argument("--json", action="store_true", help="the figures as JSON")
    checking.add_argument(
        "--wait", type=float, default=0, metavar="SECONDS", help="wait so long until each message has been read, too"
    )
    options = parser.parse_args(argv)
    if options.verb is None:
        return show(options.json)
    if options.verb == "check":
        return check(options.wait, options.json)
    print(export(options.table, options.csv))
    return 0
