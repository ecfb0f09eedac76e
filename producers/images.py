"""Pictures of leaves into `image-stream`: python -m producers.images [--dataset DIR].

Sends the files in DIR/train/<plant>/<disease>/, of any depth, as they are; without a folder, a small set of drawn
leaves with the usual faults. What was sent is accounted for in a manifest (JSON).

An image's own folder may name both, as in PlantVillage and PlantDoc: "Potato___healthy",
"Tomato_Early_blight", "Tomato leaf yellow virus", "Peach leaf" (healthy). A single folder that
names no known plant is the disease. Folders like PlantVillage, train, test or color are neither.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from arus import home
from arus.image_manifest import MANIFEST
from arus.image_messages import ENCODINGS, MAX_INLINE_BYTES, ImageMessage, pack
from arus.producing import add_arguments, at_least, run
from arus.resizing import LARGEST_SIDE
from arus.schemas import IMAGE_STREAM
from arus.sending import BULK_LINGER_MS, Sender
from arus.text import number_of
from producers import images_data
from producers.image_files import Dataset
from producers.image_manifest import Manifest
from producers.image_saving import Saving

MANIFEST_SECONDS = 5.0


def source(options: argparse.Namespace, dataset: Dataset | None) -> Iterator[ImageMessage]:
    """Yield the images to send, in order: once through the set, or with --loop without an end; at most --count."""
    if dataset:
        rounds = itertools.count() if options.loop else range(1)
        images = itertools.chain.from_iterable(dataset.images() for _ in rounds)
        return itertools.islice(images, options.count or None)
    count = options.count or (None if options.loop else images_data.SMALL_SET)
    return itertools.islice(images_data.pictures(options.seed), count)


def total(options: argparse.Namespace, dataset: Dataset | None) -> int | None:
    """Return how many images there will be, None without an end."""
    if options.loop:
        return options.count or None
    there = dataset.total if dataset else options.count or images_data.SMALL_SET
    return min(there, options.count or there)


def quality(text: str) -> int:
    if (value := at_least(1, int)(text)) <= 100:
        return int(value)
    raise argparse.ArgumentTypeError(f"'{text}' is not a quality from 1 to 100")


def inline_bytes(text: str) -> int:
    if (value := at_least(0, int)(text)) <= MAX_INLINE_BYTES:
        return int(value)
    raise argparse.ArgumentTypeError(f"'{text}' is more than the {MAX_INLINE_BYTES} that Kafka takes")


def side(text: str) -> int:
    if (value := at_least(1, int)(text)) <= LARGEST_SIDE:
        return int(value)
    raise argparse.ArgumentTypeError(f"'{text}' is more than {LARGEST_SIDE} pixels")


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m producers.images", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--dataset", type=Path, metavar="DIR", help="send this folder's images (default: drawn ones)")
    add("--loop", action="store_true", help="begin again at the end of the folder; draw without an end")
    rate = "so many images a second (default 0: no pause)"
    add("--rate", type=at_least(0), default=0.0, metavar="N", help=rate)
    add("--encoding", choices=ENCODINGS, default="raw", help="form of the value (default raw: the file's bytes)")
    add("--compress", type=quality, metavar="QUALITY", help="recompress as JPEG of 1 to 100, where that is lighter")
    add("--max-side", type=side, metavar="PIXELS", help="scale down what has a longer side")
    add(
        "--max-bytes",
        type=inline_bytes,
        default=MAX_INLINE_BYTES,
        metavar="N",
        help="a larger value goes by reference to a file in storage/large (default and most: 1000000)",
    )
    note = f"where to note what was sent (default: run/{MANIFEST} in ARUS_HOME)"
    add("--manifest", type=Path, metavar="FILE", help=note)
    add_arguments(parser)
    return parser.parse_args(argv)


def send_images(
    sender: Sender, images: Iterator[ImageMessage], manifest: Manifest, options: argparse.Namespace
) -> None:
    """Send every image, and write the manifest now and then."""
    pause = 1 / options.rate if options.rate else 0.0
    due = time.monotonic() + MANIFEST_SECONDS
    for image in images:
        value, headers = pack(image, options.encoding, options.max_bytes)
        if not (sender.wait(pause) and sender.send(value, image.filename, headers)):
            return
        manifest.add(image)
        if time.monotonic() > due:
            manifest.write(sender.acked, is_complete=False)
            due = time.monotonic() + MANIFEST_SECONDS


def main(argv: list[str]) -> None:
    options = parse(argv)
    dataset = Dataset(options.dataset) if options.dataset else None
    saving = Saving(options.compress, options.max_side)
    manifest = Manifest(options.manifest or home.run() / MANIFEST)
    images = source(options, dataset)
    if options.compress or options.max_side:
        images = map(saving.lighten, images)
    sender = Sender(
        IMAGE_STREAM,
        broker_timeout=options.broker_timeout,
        delivery_timeout=options.delivery_timeout,
        linger_ms=0 if options.rate else BULK_LINGER_MS,
        total=total(options, dataset),
    )
    started = time.monotonic()
    try:
        with sender:
            started = time.monotonic()
            send_images(sender, images, manifest, options)
    finally:
        if manifest.sent:
            manifest.write(sender.acked, is_complete=sender.acked == manifest.sent)
            report(manifest, saving, dataset, time.monotonic() - started)


def report(manifest: Manifest, saving: Saving, dataset: Dataset | None, seconds: float) -> None:
    """Print what the summary of messages does not say."""
    megabytes = manifest.bytes_sent / 1e6
    rates = f"{manifest.sent / max(seconds, 1e-9):.0f} images/s, {megabytes / max(seconds, 1e-9):.1f} MB/s"
    print(f"{number_of(manifest.sent, 'image')}, {megabytes:.1f} MB: {rates}")
    if saving.count:
        print(saving.summary())
    if dataset and dataset.skipped:
        skipped = number_of(dataset.skipped, "file")
        print(f"{skipped} skipped: no images by name nor content, unreadable, or too large")


if __name__ == "__main__":
    sys.exit(run("images", main))
