"""The files below a folder of images, one by one, with the plant and the disease that the folders are named after."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from arus.errors import ArusError
from arus.image_names import shown_name

TRAINING = "train"
# As some data sets name the one level of folders that they have: Apple___Black_rot.
PLANT_AND_DISEASE = "___"


class Found(NamedTuple):
    """A file, and the names of the folders between it and the data set's."""

    path: str
    folders: tuple[str, ...]


def training_folder(dataset: Path) -> Path:
    """Return the folder of the plants: `train` in the data set's, if there is one; raise ArusError if there is none."""
    if not dataset.is_dir():
        raise ArusError(f"no such folder: {shown_name(str(dataset))}; give the one that has train/ in it")
    return dataset / TRAINING if (dataset / TRAINING).is_dir() else dataset


def found_files(folder: Path) -> Iterator[Found]:
    """Yield every file below a folder, in the order of the names, with never more than one folder's names in memory."""
    below: tuple[str, ...] = ()
    levels = [listed(str(folder))]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            below = below[:-1]
        elif entry.is_dir(follow_symlinks=False):
            levels.append(listed(entry.path))
            below = (*below, entry.name)
        elif entry.is_file():
            yield Found(entry.path, below)


def listed(folder: str) -> "Iterator[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return iter(sorted((each for each in entries if each.name[0] != "."), key=lambda each: each.name))
    except OSError as error:
        raise ArusError(f"{shown_name(folder)} cannot be read: {error.strerror}") from error


def class_of(folders: tuple[str, ...]) -> tuple[str, str]:
    """Return plant and disease: the first two folders, or the halves of the first; empty where there is none."""
    plant, disease = (*folders, "", "")[:2]
    if not disease and PLANT_AND_DISEASE in plant:
        plant, _, disease = plant.partition(PLANT_AND_DISEASE)
    return (shown_name(plant) if plant else "", shown_name(disease) if disease else "")
