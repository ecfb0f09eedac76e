"""python -m arus images dataset DIR | consumed: what a folder of images holds; what came of those that were streamed.

Prints tables, and writes example pictures as a PNG file or shows them in a window.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pyarrow.dataset as ds
from deltalake import DeltaTable

from arus import delta_files, home, image_account, image_dataset, image_stored
from arus.errors import ArusError
from arus.image_grid import Picture, grid, open_window, write
from arus.image_manifest import MANIFEST, read_manifest
from arus.text import number_of, printable

MOST_PICTURES = 100
HOW_TO_FILL = "send some with `.venv/bin/python -m producers.images`, and run `./spark-submit.sh image_analytics`"


def dataset(options: argparse.Namespace) -> None:
    """Print what the folder holds, and show random examples."""
    found = image_dataset.audit(options.folder, options.count, options.seed)
    if not found.formats:
        folder = printable(str(options.folder))
        raise ArusError(f"{folder} has no images: give the one that has train/ in it")
    print(image_dataset.report(found))
    of = number_of(found.total.sized, "image")
    title = f"{len(found.examples)} of {of}, drawn at random"
    show(image_dataset.pictures(found.examples), title, options)


def consumed(options: argparse.Namespace) -> None:
    """Print what the job made of the stream, and show the latest images."""
    images, rejects = (opened(name) for name in (image_stored.TABLE, f"rejects/{image_stored.JOB}"))
    stored = image_stored.read(images, options.count) if images else image_stored.Stored()
    if not (images and stored.rows):
        print(f"no images in {delta_files.path_of(image_stored.TABLE)} yet: {HOW_TO_FILL}")
    else:
        print(image_stored.report(stored, images), end="\n\n")
    if stored.rows or rejects:
        print(account(options.manifest or home.home() / "run" / MANIFEST, images, rejects))
    if images and stored.rows:
        title = f"The latest {len(stored.latest)} of {number_of(stored.rows, 'image')}"
        show(image_stored.pictures(images, stored.latest), title, options)


def opened(name: str) -> ds.Dataset | None:
    """Return a table's rows, None where there is no such table; ArusError if it is broken."""
    if not DeltaTable.is_deltatable(delta_files.path_of(name)):
        return None
    return delta_files.opened(name).to_pyarrow_dataset()


def account(path: Path, images: ds.Dataset | None, rejects: ds.Dataset | None) -> str:
    """Return what became of what the manifest says was sent."""
    try:
        manifest = read_manifest(path)
    except OSError as error:
        return f"what was sent is not known: {path}: {error.strerror}; the producer writes it on this machine"
    except ValueError as error:
        return f"what was sent is not known: {path} is no manifest of producers.images ({error})"
    return image_account.report(manifest, image_account.arrivals(images, rejects, manifest))


def show(pictures: Sequence[Picture], title: str, options: argparse.Namespace) -> None:
    """Write the pictures as a PNG file, or show them in a window."""
    if not pictures:
        return
    if options.window:
        open_window(pictures, title)
        return
    path = options.png or home.home() / f"images-{options.verb}.png"
    write(grid(pictures, title), path)
    print(f"\nmade {path}")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_PICTURES:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to {MOST_PICTURES}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m arus images", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="dataset|consumed")
    what = "what a folder of images holds"
    folder = verbs.add_parser("dataset", help=what, description=dataset.__doc__)
    folder.set_defaults(run=dataset)
    which = "the folder with train/<plant>/<disease>/, or with the plants' folders"
    folder.add_argument("folder", type=Path, metavar="DIR", help=which)
    same = "the same N draws the same examples (default: others each time)"
    folder.add_argument("--seed", type=int, metavar="N", help=same)
    what = "what came of the images streamed"
    stream = verbs.add_parser("consumed", help=what, description=consumed.__doc__)
    stream.set_defaults(run=consumed)
    sent = f"the producer's account of what it sent (default: run/{MANIFEST} in ARUS_HOME)"
    stream.add_argument("--manifest", type=Path, metavar="FILE", help=sent)
    for verb in (folder, stream):
        many = "how many pictures to show (default 12)"
        verb.add_argument("--count", type=_count, default=12, metavar="N", help=many)
        how = verb.add_mutually_exclusive_group()
        where = "the file to write them to (default: images-VERB.png in ARUS_HOME)"
        how.add_argument("--png", type=Path, metavar="FILE", help=where)
        how.add_argument("--window", action="store_true", help="show them in a window instead")
    return parser


def main(argv: list[str]) -> int:
    """Show a data set or what was consumed; exit code 0 whatever the images are like."""
    options = _parser().parse_args(argv)
    options.run(options)
    return 0
