"""The store's Delta tables, opened by `deltalake`, without Spark."""

from deltalake import DeltaTable
from pyarrow import dataset as ds

from arus import delta_files


def table(name: str) -> DeltaTable | None:
    """Return a table as of now, None where it is not there; ArusError if it is broken."""
    is_there = DeltaTable.is_deltatable(delta_files.path_of(name))
    return delta_files.opened(name) if is_there else None


def dataset(name: str) -> ds.Dataset | None:
    found = table(name)
    return found.to_pyarrow_dataset() if found else None
