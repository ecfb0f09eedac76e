"""Image files of mixed sizes and formats, seeded: what the benchmarks of images work on."""

import io
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from producers import images_data
from producers.images_data import ALL_CLASSES, DISEASES, LEAVES, QUALITIES, draw_leaf

SIZES = ((256, 256), (512, 512), (800, 600), (1024, 768), (1600, 1200))
# A camera's picture is JPEG; one in five here is PNG, as screenshots and drawings are.
PNG_EVERY = 5
NOISE_SIDE = 512
NOISE_SHARE = 0.06


def mixed(count: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """Yield names and files of leaves in all SIZES in turn, with the fine grain of a camera, none like another."""
    rng = random.Random(seed)
    noise = Image.frombytes("RGB", (NOISE_SIDE, NOISE_SIDE), rng.randbytes(3 * NOISE_SIDE**2))
    grain = Image.merge("RGB", [Image.new("L", (2 * images_data.SIDE,) * 2, 128)] * 3)
    for number in range(count):
        plant, disease = ALL_CLASSES[number % len(ALL_CLASSES)]
        size = SIZES[number % len(SIZES)]
        leaf = draw_leaf(rng, LEAVES[plant], DISEASES[disease], grain).resize(size, Image.Resampling.BICUBIC)
        turned = noise.rotate(90 * rng.randrange(4)).resize(size, Image.Resampling.NEAREST)
        picture = Image.blend(leaf, turned, NOISE_SHARE)
        # Counted by rounds, so that every size is there in both formats.
        is_png = number // len(SIZES) % PNG_EVERY == PNG_EVERY - 1
        file = io.BytesIO()
        if is_png:
            picture.save(file, "PNG", compress_level=1)
        else:
            picture.save(file, "JPEG", quality=rng.choice(QUALITIES))
        yield f"{plant}/{disease}/{number:05}.{'png' if is_png else 'jpg'}", file.getvalue()


def small(count: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """Yield names and files of 256 by 256 pixels, as the producer draws them, with their faults."""
    for number, image in enumerate(itertools.islice(images_data.pictures(seed), count)):
        yield f"{image.plant}/{image.disease}/{number:05}_{image.filename}", image.data


def write(folder: Path, files: Iterator[tuple[str, bytes]]) -> list[Path]:
    """Write the files into `train` of a folder; return where they are."""
    written = []
    for name, data in files:
        path = folder / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        written.append(path)
    return written
