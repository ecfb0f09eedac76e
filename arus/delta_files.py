"""Delta tables in the store, read without a JVM: which there are, what they hold, and their rows in small pieces."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from arus import home, schemas
from arus.errors import ArusError

if TYPE_CHECKING:
    from pyarrow.dataset import Expression

# Rows held at once while streaming through a table; rejected images can have megabytes each.
PIECE_ROWS = 1000


class Summary(NamedTuple):
    """A table in figures: `size` in bytes, `committed` when it last changed, `error` why nothing else is known."""

    name: str
    rows: int = 0
    files: int = 0
    size: int = 0
    version: int = 0
    committed: datetime | None = None
    error: str | None = None


def names() -> list[str]:
    """Return every table of the store: `retail`, ..., then the rejects as `rejects/<job>`."""
    tables = _there("tables", schemas.TABLES)
    return [*tables, *(f"rejects/{job}" for job in reject_jobs())]


def reject_jobs() -> list[str]:
    """Return the jobs that have a rejects table."""
    return _there("rejects", schemas.JOBS)


def path_of(name: str) -> str:
    """Return the path or URI of a table as `names` calls it."""
    return f"{home.store()}/{name if name.startswith('rejects/') else f'tables/{name}'}"


def opened(name: str) -> DeltaTable:
    """Return the table as of now; ArusError says what is wrong with it."""
    try:
        return DeltaTable(path_of(name))
    except (DeltaError, OSError) as error:
        raise ArusError(f"{path_of(name)} is not a readable Delta table: {_first_line(error)}") from error


def summary(name: str) -> Summary:
    """Return the table's figures, from its log alone where that has them; a broken table's say what is wrong."""
    try:
        table = DeltaTable(path_of(name))
        files = table.get_add_actions()
        counts = files.column("num_records").to_pylist()
        rows = sum(counts) if None not in counts else table.to_pyarrow_dataset().count_rows()
        size = sum(files.column("size_bytes").to_pylist())
        committed = next((commit.get("timestamp") for commit in table.history(1)), None)
    except (DeltaError, OSError) as error:
        return Summary(name, error=_first_line(error))
    when = datetime.fromtimestamp(committed / 1000, timezone.utc) if committed else None
    return Summary(name, rows, len(counts), size, table.version(), when)


def pieces(table: DeltaTable, columns: list[str], where: "Expression | None" = None) -> Iterator[Any]:
    """Return the rows as Arrow record batches of at most PIECE_ROWS, read as they are asked for."""
    dataset = table.to_pyarrow_dataset()
    return iter(
        dataset.to_batches(
            columns=columns, filter=where, batch_size=PIECE_ROWS, batch_readahead=1, fragment_readahead=1
        )
    )


def _there(folder: str, known: Iterable[str]) -> list[str]:
    """Return the tables in a folder of the store; of a URI, which cannot be listed here, the known ones among them."""
    local = home.local_store()
    if local is None:
        return sorted(name for name in known if DeltaTable.is_deltatable(f"{home.store()}/{folder}/{name}"))
    return sorted(path.name for path in (local / folder).glob("[!.]*") if path.is_dir())


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
