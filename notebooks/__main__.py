"""Run every notebook on what is in the store now, and make a page of each: `python -m notebooks`."""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat.v4 import new_markdown_cell
from traitlets.config import Config

from arus import home
from arus.errors import ArusError

HERE = Path(__file__).resolve().parent
LONGEST_CELL_SECONDS = 1800
# Printed lines wrap between words.
STYLE = "<style>.jp-RenderedText pre { word-break: normal; overflow-wrap: anywhere }</style>"


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
            # A kernel that ends may complain of its own sockets; what cells say comes by these.
            own = {**os.environ, "IPYTHONDIR": folder}
            client.execute(env=own, stderr=subprocess.DEVNULL)
        except CellExecutionError as error:
            raise ArusError(f"{error.ename}: {error.evalue}") from error


def drop_repeats(node: nbformat.NotebookNode) -> None:
    """Drop the output of a cell that repeats the one above: without code it says nothing new."""
    before = None
    for cell in node.cells:
        shown = [output.get("data") for output in cell.get("outputs", ())]
        if shown and shown == before:
            cell.outputs = []
        before = shown


def page(node: nbformat.NotebookNode, name: str) -> str:
    """Return a notebook's words and outputs as one HTML page that loads nothing from elsewhere."""
    drop_repeats(node)
    made = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
    source = f"*Made {made} from `notebooks/{name}.ipynb`, which has the code of all this.*"
    node.cells.append(new_markdown_cell(source))  # type: ignore[no-untyped-call]
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True
    )
    text, _ = exporter.from_notebook_node(node, resources={"metadata": {"name": name}})
    text = text.replace("</head>", f"{STYLE}</head>", 1)
    # The scripts would fetch MathJax and others from the internet; tables and pictures need none.
    return re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)


def make(notebook: Path, target: Path) -> None:
    node = read(notebook)
    execute(node)
    target.write_text(page(node, notebook.stem), encoding="utf-8")


def make_all(folder: Path) -> bool:
    """Make all pages, saying which one is being made; one that fails leaves the others alone."""
    is_whole = True
    for notebook in sorted(HERE.glob("*.ipynb")):
        print(f"running {notebook.name} ...", end=" ", flush=True)
        begun = time.monotonic()
        try:
            make(notebook, folder / f"{notebook.stem}.html")
            print(f"{time.monotonic() - begun:.0f} s", flush=True)
        except ArusError as error:
            is_whole = False
            print(f"no new page: {error}", flush=True)
    return is_whole


def main() -> None:
    argparse.ArgumentParser(prog="python -m notebooks", description=__doc__).parse_args()
    folder = home.home() / "notebooks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_whole = make_all(folder)
    except OSError as error:
        sys.exit(f"arus: {error}")
    print(f"The pages are in {folder}")
    sys.exit(not is_whole)


if __name__ == "__main__":
    main()
