"""python -m arus models [--json]: the trained retail models, `models/kmeans_model_1`, `_2`, ..., and the champion.

A folder holds `model.json` (what the server predicts with, and what the training found), `entities.sqlite` (each known
customer, product and country), the Spark pipelines under `spark/`, and SHA256SUMS, which `sha256sum -c` reads.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from arus import home
from arus.errors import ArusError
from arus.jars import sha256_of

FORMAT = 1
MODEL = "model.json"
ENTITIES = "entities.sqlite"
SUMS = "SHA256SUMS"
CHAMPION = "champion"
LEGEND = (
    "*: the champion. customers, products, countries: clusters by the typical line, and by the profile.\n"
    "A new model and the champion are compared on the same, newest points, not by the silhouettes above."
)
VIEWS = ("customers", "products", "countries")


def root() -> Path:
    """Return the folder of the models; ArusError where the store is no local folder."""
    store = home.local_store()
    if store is None:
        raise ArusError(f"ARUS_STORE={home.store()} is no local folder: models are kept on a disk that all share")
    return store / "models"


def path_of(number: int) -> Path:
    return root() / f"kmeans_model_{number}"


def numbers() -> list[int]:
    """Return the numbers of the models that are there, in order."""
    found = (re.fullmatch(r"kmeans_model_([1-9]\d*)", path.name) for path in root().glob("kmeans_model_*"))
    return sorted(int(match[1]) for match in found if match)


def champion() -> int | None:
    """Return the number of the best model, or None where there is none yet; ArusError where the file is damaged."""
    path = root() / CHAMPION
    try:
        number = json.loads(path.read_bytes())["model_number"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ArusError(f'{path} is damaged ({error}): write {{"model_number": N}} into it') from error
    if type(number) is not int:
        raise ArusError(f'{path} names no model: write {{"model_number": N}} into it')
    return number


def promote(number: int) -> None:
    """Make a model the champion, in one step; ArusError where that cannot be written."""
    path, draft = root() / CHAMPION, root() / f".{CHAMPION}.{os.getpid()}"
    try:
        draft.write_text(json.dumps({"model_number": number}) + "\n")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ArusError(f"{path} cannot be written ({error}): the champion is the one it was") from error


def read(number: int) -> dict[str, Any]:
    """Return model.json, checked against SHA256SUMS; ArusError says what is damaged."""
    path = path_of(number)
    verify(path, MODEL, ENTITIES)
    found: dict[str, Any] = json.loads((path / MODEL).read_bytes())
    if found.get("format") != FORMAT:
        raise ArusError(f"{path / MODEL} has format {found.get('format')}; this version of Arus reads {FORMAT}")
    return found


def settle() -> None:
    """Make the newest model the champion where a training was killed between writing it and saying so.

    A champion that was chosen after that, by hand, stays.
    """
    newest = newest_sound()
    if newest is None or not newest["promotion"]["promoted"]:
        return
    chosen = root() / CHAMPION
    if not chosen.exists() or chosen.stat().st_mtime < path_of(newest["model_number"]).stat().st_mtime:
        promote(newest["model_number"])


def sound(number: int | None) -> dict[str, Any] | None:
    """Return model.json of a model, or None where there is no such model or it is damaged, which is said."""
    if number is None:
        return None
    try:
        return read(number)
    except ArusError as error:
        print(f"arus: {error}; it is left out", file=sys.stderr, flush=True)
        return None


def newest_sound() -> dict[str, Any] | None:
    """Return model.json of the newest model that is not damaged."""
    return next((found for number in reversed(numbers()) if (found := sound(number))), None)


def verify(folder: Path, *names: str) -> None:
    """Compare files with what SHA256SUMS says of them; ArusError names the first that differs."""
    try:
        lines = (folder / SUMS).read_text().splitlines()
        sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        for name in names:
            if sums.get(name) != sha256_of(folder / name):
                raise ArusError(f"{folder / name} is not what was written at the training (SHA-256 differs)")
    except (OSError, UnicodeDecodeError) as error:
        raise ArusError(f"{folder} is no whole model: {error}") from error


def seal(folder: Path) -> None:
    """Write SHA256SUMS over every file of a model's folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    (folder / SUMS).write_text("".join(f"{sha256_of(path)}  {path.relative_to(folder)}\n" for path in files))


def table_of(found: list[dict[str, Any]], best: int | None) -> str:
    """Return the models as a table for the terminal; `*` marks the champion, a damaged one says why."""
    lines = ["  model  trained (UTC)         version   rows used  customers  products  countries  silhouette"]
    return "\n".join([*lines, *(_line(model, model["model_number"] == best) for model in found), LEGEND])


def _line(model: dict[str, Any], is_best: bool) -> str:
    start = f"{'*' if is_best else ' '} {model['model_number']:>5}"
    if "error" in model:
        return f"{start}  {model['error']}"
    ks = {view: f"{facts['line']['k']}, {facts['profile']['k']}" for view, facts in model["views"].items()}
    return (
        f"{start}  {model['trained_at'][:10]} {model['trained_at'][11:19]}  {model['table']['version']:>8,}"
        f"  {model['rows']['used']:>10,}  {ks['customers']:>9}  {ks['products']:>8}  {ks['countries']:>9}"
        f"  {model['promotion']['score']:>10.3f}"
    )


def _read_or_error(number: int) -> dict[str, Any]:
    try:
        return read(number)
    except ArusError as error:
        return {"model_number": number, "error": str(error)}


def main(argv: list[str]) -> int:
    """List the models; exit code 1 if one of them is damaged."""
    parser = argparse.ArgumentParser(
        prog="python -m arus models",
        description="The trained retail models. customers, products, countries: numbers of clusters, by the typical "
        "line and by the profile; silhouette: the mean of all of them; *: the champion.",
    )
    parser.add_argument("--json", action="store_true", help="print each model.json, in a list")
    options = parser.parse_args(argv)
    found = [_read_or_error(number) for number in numbers()]
    if options.json:
        print(json.dumps(found, indent=1))
    elif found:
        print(table_of(found, champion()))
    else:
        print(f"no models in {root()} yet: `./spark-submit.sh retail_train` makes one, or `make demo`")
    return 1 if any("error" in model for model in found) else 0
