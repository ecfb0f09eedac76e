"""A folder of images in figures: what there is, by format and class, what is broken and why, and random examples."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from arus.image_files import ANALYSED, Limits, decode, format_of, open_image
from arus.image_flags import EXTENSIONS, has_wrong_extension
from arus.image_folders import Found, class_of, found_files, training_folder
from arus.image_grid import Picture
from arus.image_headers import RejectedImage
from arus.image_names import shown_name
from arus.image_tally import TALLIED, Label, Tally, by_class, table
from arus.image_worker import ImageWorker
from arus.progress import Counting
from arus.resizing import Target, resize
from arus.text import number_of

# What tells a format lies within so many bytes of a file's beginning.
START_BYTES = 64
NO_FORMAT = "(none)"
MOST_BROKEN = 20
EXAMPLE_SIDE = 320  # pixels
# libjpeg decodes at an eighth of the size at least: all of the file is read, little is computed.
CHECKED_SCALE = 8


@dataclass(frozen=True)
class Checked:
    """What a whole image file is: its format, and its size in pixels as stored."""

    format: str
    width: int
    height: int


class Example(NamedTuple):
    """An image of the folder, to be shown."""

    path: str
    name: str
    label: Label
    checked: Checked
    size: int


@dataclass
class Audit:
    """What a folder holds. broken: the first ones' names and reasons; examples: drawn so that all are as likely."""

    formats: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    classes: dict[Label, Tally] = field(default_factory=lambda: defaultdict(Tally))
    broken_of: Counter[str] = field(default_factory=Counter)
    misnamed_of: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[str, str]] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    others: int = 0

    @property
    def total(self) -> Tally:
        whole = Tally()
        for each in self.formats.values():
            whole.add(each)
        return whole


class Looked(NamedTuple):
    """A file that is an image by its name or content: its bytes and format, and what it is or why it is broken."""

    size: int
    format: str
    checked: Checked | None = None
    reason: str = ""


def audit(folder: Path, count: int, seed: int | None) -> Audit:
    """Look at every file below a folder, one at a time, and draw `count` examples of those that are whole images."""
    found, rng = Audit(), random.Random(seed)  # noqa: S311 (which pictures are shown is no secret)
    whole = 0
    with ImageWorker() as worker, Counting("file") as counting:
        for file in found_files(training_folder(folder)):
            example = _count(found, file, look(file.path, worker))
            counting.add()
            if example:
                whole += 1
                _draw(found.examples, example, whole, count, rng)
    found.examples.sort(key=lambda each: (each.label, each.path))
    return found


def _draw(examples: list[Example], example: Example, number: int, count: int, rng: random.Random) -> None:
    """Keep the example, the `number`th, with the chance count / number: Vitter's algorithm R, ACM TOMS 11 (1), 1985."""
    if len(examples) < count:
        examples.append(example)
    elif (place := rng.randrange(number)) < count:
        examples[place] = example


def look(path: str, worker: ImageWorker) -> Looked | None:
    """Return what a file is, None if nothing says that it is an image."""
    try:
        data = read(path)
    except OSError as error:
        return Looked(0, NO_FORMAT, reason=f"unreadable: {error.strerror}")
    if data is None:
        return None
    image_format = format_of(data) or NO_FORMAT
    try:
        return Looked(len(data), image_format, worker.call(check, data, ANALYSED))
    except RejectedImage as rejected:
        return Looked(len(data), image_format, reason=rejected.reason)


def _count(found: Audit, file: Found, looked: Looked | None) -> Example | None:
    """Count a file, and return it if it is a whole image."""
    if looked is None:
        found.others += 1
        return None
    name, label, checked = shown_name(file.path), class_of(file.folders), looked.checked
    tally = Tally(1, looked.size, 1, checked.width, checked.height) if checked else Tally(1, looked.size)
    found.formats[looked.format].add(tally)
    found.classes[label].add(tally)
    found.misnamed_of[looked.format] += looked.format != NO_FORMAT and has_wrong_extension(name, looked.format)
    if checked:
        return Example(file.path, name, label, checked, looked.size)
    found.broken_of[looked.format] += 1
    found.reasons[looked.reason] += 1
    if len(found.broken) < MOST_BROKEN:
        found.broken.append(("/".join((*map(shown_name, file.folders), name)), looked.reason))
    return None


def read(path: str) -> bytes | None:
    """Return a file's bytes, of a too large one the first too many; None if it does not look like an image.

    Raises OSError where it cannot be read.
    """
    with open(path, "rb") as file:  # noqa: PTH123 (a name that is no UTF-8 stays what it is)
        start = file.read(START_BYTES)
        if path.rpartition(".")[2].lower() not in EXTENSIONS and not format_of(start):
            return None
        return start + file.read(ANALYSED.max_bytes + 1 - len(start))


def check(data: bytes, limits: Limits) -> Checked:
    """Decode an image, as cheaply as every pixel of it can be; raise RejectedImage."""
    opened = open_image(data, limits)
    if opened.format == "JPEG":
        width, height = (max(side // CHECKED_SCALE, 1) for side in opened.size)
        opened.file.draft(None, (width, height))
    decode(opened)
    return Checked(opened.format, *opened.size)


def pictures(examples: list[Example]) -> list[Picture]:
    """Return the examples small enough to be shown, with what is known of them."""
    with ImageWorker() as worker:
        return [Picture(_small(each, worker), lines_of(each)) for each in examples]


def _small(example: Example, worker: ImageWorker) -> bytes:
    target = Target(EXAMPLE_SIDE, EXAMPLE_SIDE, "contain", "PNG", enlarge=False)
    try:
        return worker.call(resize, read(example.path) or b"", target, ANALYSED).data
    except (OSError, RejectedImage):
        # It was whole a moment ago: somebody writes there.
        return b""


def lines_of(example: Example) -> tuple[str, str, str]:
    label = " / ".join(part for part in example.label if part)
    return (
        label,
        example.name,
        described(example.checked.format, example.checked.width, example.checked.height, example.size),
    )


def described(image_format: str, width: int, height: int, size: int) -> str:
    return f"{image_format} {width}x{height}, {size / 1000:,.1f} kB"


def report(found: Audit) -> str:
    """Return the audit as tables."""
    ordered = sorted(found.formats, key=lambda name: (-found.formats[name].count, name))
    rows = [
        (name, *found.formats[name].cells, f"{found.broken_of[name]:,}", f"{found.misnamed_of[name]:,}")
        for name in ordered
    ]
    parts = [
        table(("format", *TALLIED, "broken", "wrong extension"), rows),
        by_class(found.classes),
        _whole(found),
    ]
    if found.broken:
        count = found.reasons.total()
        first = f", the first {MOST_BROKEN}" if count > MOST_BROKEN else ""
        reasons = ", ".join(f"{number} {reason}" for reason, number in found.reasons.most_common())
        parts += [f"{count:,} broken ({reasons}){first}:\n" + table(("file", "reason"), found.broken, texts=2)]
    return "\n\n".join(parts)


def _whole(found: Audit) -> str:
    total = found.total
    _, size, mean_bytes = total.cells
    images, classes = number_of(total.count, "image"), number_of(len(found.classes), "class")
    others = f"; {number_of(found.others, 'other file')}" if found.others else ""
    return f"{images} in {classes}, mean size {size}, {mean_bytes} bytes{others}"
