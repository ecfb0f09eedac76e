"""The measures of an image as people write them with Pillow and numpy: decoded whole, measured at full size."""

import hashlib
import io

import numpy as np
from PIL import Image

HASH_SIDE = 32
THUMBNAIL = (128, 128)


def measured_plainly(data: bytes) -> dict[str, object]:
    """Return what tables/images has of a file, but for the flags."""
    image = Image.open(io.BytesIO(data))
    image.load()
    grey = np.asarray(image.convert("L"), np.float64)
    colours = np.asarray(image.convert("RGB"), np.float64)
    shares = np.bincount(grey.astype(np.uint8).ravel(), minlength=256) / grey.size
    there = shares[shares > 0]
    laplacian = grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1] - 4 * grey[1:-1, 1:-1]
    red_green = colours[..., 0] - colours[..., 1]
    yellow_blue = (colours[..., 0] + colours[..., 1]) / 2 - colours[..., 2]
    deviation = np.hypot(red_green.std(), yellow_blue.std())
    small = np.asarray(image.convert("L").resize((HASH_SIDE, HASH_SIDE)), np.float64)
    thumbnail, file = image.convert("RGB"), io.BytesIO()
    thumbnail.thumbnail(THUMBNAIL)
    thumbnail.save(file, "JPEG")
    return {
        "size": image.size,
        "brightness": grey.mean(),
        "contrast": grey.std(),
        "percentiles": np.percentile(grey, (5, 99)),
        "entropy": -(there * np.log2(there)).sum(),
        "sharpness": laplacian.var(),
        "colourfulness": deviation + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()),
        "phash": np.packbits(np.fft.rfft2(small).real[:8, :8] > 0).tobytes().hex(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "thumbnail": file.getvalue(),
    }
