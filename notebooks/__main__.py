"""Run every notebook on what is in the store now, and make a page of each: `python -m notebooks`."""

import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from traitlets.config import Config

from arus import home
from arus.errors import ArusError

HERE = Path(__file__).resolve().parent
LONGEST_CELL_SECONDS = 1800


def read(notebook: Path) -> nbformat.NotebookNode:
    node: nbformat.NotebookNode = nbformat.reads(notebook.read_text("utf-8"), 4)  # type: ignore[no-untyped-call]
    return node


def execute(node: nbformat.NotebookNode) -> None:
    """Run the notebook's cells and keep their outputs in it; ArusError names a cell's error.

    The kernel is spoken to by sockets in a folder of its own, so no port is opened, and a user's IPython is left alone.
    """
    with tempfile.TemporaryDirectory(prefix="arus") as folder:
        sockets = Config(KernelManager={"transport": "ipc", "connection_file": f"{folder}/kernel.json"})
        resources = {"metadata": {"path": str(HERE)}}
        client = NotebookClient(node, config=sockets, timeout=LONGEST_CELL_SECONDS, resources=resources)
        try:
            client.execute(env={**os.environ, "IPYTHONDIR": folder})
        except CellExecutionError as error:
            raise ArusError(f"{error.ename}: {error.evalue}") from error


def page(node: nbformat.NotebookNode, title: str) -> str:
    """Return a notebook as one HTML page that loads nothing from elsewhere."""
    exporter = HTMLExporter()  # type: ignore[no-untyped-call]
    text, _ = exporter.from_notebook_node(node, resources={"metadata": {"name": title}})
    # The scripts would fetch MathJax and others from the internet; tables and pictures need none.
    return re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)


def main() -> None:
    folder = home.home() / "notebooks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for notebook in sorted(HERE.glob("*.ipynb")):
            target = folder / f"{notebook.stem}.html"
            node = read(notebook)
            execute(node)
            target.write_text(page(node, notebook.stem), encoding="utf-8")
            print(f"made {target}", flush=True)
    except (ArusError, OSError) as error:
        sys.exit(f"arus: {error}")


if __name__ == "__main__":
    main()
