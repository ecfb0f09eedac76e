"""python -m arus tables [--json]: the Delta tables, in figures. tables export TABLE --csv FOLDER: their rows."""

import argparse
import json
from pathlib import Path

from arus import home
from arus.csv_export import export
from arus.delta_files import Summary, names, summary


def table_of(found: list[Summary]) -> str:
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
        print(table_of(found))
    else:
        print(
            f"no tables in {home.store()} yet: start a job, as with `./spark-submit.sh retail_ingest`, or `make demo`"
        )
    return 1 if any(table.error for table in found) else 0


def main(argv: list[str]) -> int:
    """List the tables, or export one; exit code 1 if a table cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m arus tables", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the list as JSON, size in bytes")
    verbs = parser.add_subparsers(dest="verb", metavar="export")
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
    options = parser.parse_args(argv)
    if options.verb is None:
        return show(options.json)
    print(export(options.table, options.csv))
    return 0
