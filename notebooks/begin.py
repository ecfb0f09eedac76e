"""Begin a notebook, by `%run begin.py`: the project can be imported, and pictures are sharp."""

import sys
from pathlib import Path

from IPython.core.getipython import get_ipython

sys.path.append(str(Path(__file__).resolve().parent.parent))
if shell := get_ipython():
    shell.run_line_magic("matplotlib", "inline")
    shell.run_line_magic("config", 'InlineBackend.figure_formats = ["retina"]')
