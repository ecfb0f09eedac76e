"""`python -m notebooks`: what it says, and what its pages have and have not."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from arus.home import ROOT
from notebooks import __main__ as pages
from tests.arus.delta_tables import Row

NAMES = sorted(path.stem for path in pages.HERE.glob("*.ipynb"))


def make_pages(home: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "notebooks"]
    own = {**os.environ, "ARUS_HOME": str(home)}
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)


def test_every_notebook_becomes_a_page_without_its_code(home: Path) -> None:
    made = make_pages(home)
    assert (made.returncode, made.stderr) == (0, "")
    lines = made.stdout.splitlines()
    assert [re.sub(r"\d+ s$", "N s", line) for line in lines] == [
        *(f"running {name}.ipynb ... N s" for name in NAMES),
        f"The pages are in {home}/notebooks",
    ]
    for name in NAMES:
        page = (home / "notebooks" / f"{name}.html").read_text("utf-8")
        assert f"<code>notebooks/{name}.ipynb</code>, which has the code" in page
        assert "begin.py" not in page
        assert not re.search(r'class="jp-\w+Prompt|<script', page)
        assert " yet" in page


def test_a_broken_table_costs_only_its_own_page(home: Path) -> None:
    (home / "tables" / "images" / "_delta_log").mkdir(parents=True)
    (home / "tables" / "images" / "_delta_log" / "00000000000000000000.json").write_text("{")
    made = make_pages(home)
    assert made.returncode == 1
    said = f"no new page: ArusError: {home}/tables/images is not a readable Delta table"
    assert f"running images.ipynb ... {said}" in made.stdout
    found = {path.stem for path in (home / "notebooks").iterdir()}
    assert found == {*NAMES} - {"images"}


@pytest.mark.parametrize(("between", "number"), [([], 1), (["## Sizes"], 2)])
def test_a_sentence_twice_stands_once(tmp_path: Path, between: list[str], number: int) -> None:
    shown = {"data": {"text/plain": "No images"}, "metadata": {}}
    output: Row = {"output_type": "display_data", **shown}
    cell: Row = {"cell_type": "code", "source": "", "execution_count": None, "outputs": [output]}
    words: list[Row] = [{"cell_type": "markdown", "source": text} for text in between]
    cells = [{**each, "metadata": {}} for each in (cell, *words, cell)]
    notebook = tmp_path / "images.ipynb"
    text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    notebook.write_text(text)
    assert pages.page(pages.read(notebook), "images").count("No images") == number
