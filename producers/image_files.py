"""The image files of a folder, as messages."""

from collections.abc import Iterator
from pathlib import Path

from arus.errors import ArusError
from arus.image_files import format_of
from arus.image_flags import EXTENSIONS
from arus.image_folders import class_of, found_files, training_folder
from arus.image_messages import MAX_LARGE_BYTES, ImageMessage
from arus.image_names import shown_name
from arus.text import printable


class Dataset:
    """The images of a folder; `skipped` counts the files that are none, or larger than any image should be."""

    def __init__(self, folder: Path) -> None:
        self._folder = training_folder(folder)
        self.skipped = 0
        self.total = sum(1 for _ in found_files(self._folder))
        if not self.total:
            wanted = "--dataset takes train/<plant>/<disease>/<images>"
            raise ArusError(f"{printable(str(folder))} has no files: {wanted}")

    def images(self) -> Iterator[ImageMessage]:
        """Yield each file that looks like an image, by its content or its name, as it is."""
        for path, folders in found_files(self._folder):
            data = read_image(path)
            if data is None:
                self.skipped += 1
            else:
                yield ImageMessage(shown_name(path), *class_of(folders), data)


def read_image(path: str) -> bytes | None:
    """Return a file's bytes; None if it cannot be read or is no image by its name nor by its first bytes."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (a name that is no UTF-8 stays what it is)
            data = file.read(MAX_LARGE_BYTES + 1)
    except OSError:
        return None
    is_named_so = path.rpartition(".")[2].lower() in EXTENSIONS
    return data if len(data) <= MAX_LARGE_BYTES and (is_named_so or format_of(data)) else None
