"""Images made lighter before they are sent: recompressed as JPEG, or scaled down."""

import re
from dataclasses import replace

from arus import resizing
from arus.image_files import ANALYSED, open_image
from arus.image_headers import RejectedImage
from arus.image_messages import ImageMessage
from arus.resizing import Target
from arus.text import number_of

EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
SCALED_QUALITY = 90


class Saving:
    """Makes images lighter, and keeps account of it: how many, and their bytes before and after."""

    def __init__(self, quality: int | None, max_side: int | None) -> None:
        self._quality = quality
        self._max_side = max_side
        self.count = self.before = self.after = 0

    def lighten(self, image: ImageMessage) -> ImageMessage:
        """Return the image as asked for; as it is, where it is none or would not become lighter."""
        try:
            target = self._target(image.data)
            made = resizing.resize(image.data, target, ANALYSED) if target else None
        except RejectedImage:
            return image
        if made is None or len(made.data) >= len(image.data):
            return image
        self.count += 1
        self.before += len(image.data)
        self.after += len(made.data)
        name = image.filename if made.format == made.source_format else renamed(image.filename)
        return replace(image, filename=name, data=made.data)

    def summary(self) -> str:
        saved = 1 - self.after / self.before if self.before else 0.0
        sizes = f"{self.before / 1e6:.1f} MB to {self.after / 1e6:.1f} MB"
        return f"made {number_of(self.count, 'image')} lighter: {sizes}, {saved:.0%} saved"

    def _target(self, data: bytes) -> Target | None:
        opened = open_image(data, ANALYSED)
        longer = max(opened.size)
        is_too_large = self._max_side is not None and longer > self._max_side
        if self._quality is None and not is_too_large:
            return None
        side = min(self._max_side or longer, longer, resizing.LARGEST_SIDE)
        is_kept = self._quality is None and opened.format in resizing.FORMATS
        made = opened.format if is_kept else "JPEG"
        return Target(side, side, "contain", made, self._quality or SCALED_QUALITY, enlarge=False)


def renamed(name: str) -> str:
    """Return the name with the extension of what it now is."""
    return EXTENSION.sub("", name) + ".jpg"
