"""A notebook run as a reader would run it, and a picture drawn as its page would have it."""

import io
from typing import NamedTuple

from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell

from notebooks import __main__ as pages
from notebooks.shown import Shown

# Each warning is an error; the kernel's own are not ours to mend.
STRICT = """
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", module="ipykernel|IPython|traitlets|matplotlib_inline")
warnings.filterwarnings("ignore", "InlineBackend")
"""
NO_SPARK = """
import sys
assert not [name for name in sys.modules if name.partition(".")[0] in ("pyspark", "py4j")]
"""


class Run(NamedTuple):
    """What a notebook printed, its page, how many pictures it has, and cells that show nothing."""

    printed: str
    page: str
    pictures: int
    bare: list[str]


def run(name: str, last: str = "") -> Run:
    """Run a notebook, and code of the test's after it; no cell may warn, or start Spark."""
    node = pages.read(pages.HERE / f"{name}.ipynb")
    own = [cell for cell in node.cells if cell.cell_type == "code"]
    node.cells.insert(0, new_code_cell(STRICT))  # type: ignore[no-untyped-call]
    node.cells.append(new_code_cell(NO_SPARK + last))  # type: ignore[no-untyped-call]
    pages.execute(node)
    cells = [*own, node.cells[-1]]
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    bare = [cell.source for cell in own if not cell.outputs]
    return Run(printed, pages.page(node, name), len(pictures), bare)


def drawn(made: Figure | Shown) -> Figure:
    assert isinstance(made, Figure)
    made.savefig(io.BytesIO())
    return made
