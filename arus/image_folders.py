"""The files below a folder of images, one by one, with the plant and the disease that the folders are named after."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from arus.errors import ArusError
from arus.image_names import shown_name
from arus.text import printable

TRAINING = "train"
# As PlantVillage names the one level of folders that it has: Apple___Black_rot.
PLANT_AND_DISEASE = "___"
SEPARATORS = "_ "
HEALTHY = "healthy"
# The plants of PlantVillage (Hughes and Salathe, arXiv:1511.08060) and PlantDoc (Singh et al., CoDS
# COMAD 2020), as the folders of both and of PlantVillage's copies have them, and those that
# producers.images draws.
PLANTS = (
    "apple", "banana", "bean", "bell[ _]pepper", "blueberry", "cassava",
    r"cherry(?:_\(including_sour\))?", "chilli", "citrus", "coffee", r"corn(?:_\(maize\))?",
    "grape", "maize", "mango", "orange", "peach", "pepper(?:,_|__?| )bell", "potato", "raspberry",
    "rice", "soya?bean", "squash", "strawberry", "tea", "tomato",
)  # fmt: skip
PLANT = re.compile("|".join(PLANTS), re.IGNORECASE)
BOTH = re.compile(rf"(?P<plant>{PLANT.pattern})[_ ]+(?P<disease>.+)", re.IGNORECASE)
# PlantDoc's word for what is on the picture, where it is no part of a disease's name (leaf spot).
LEAF = re.compile(r"^leaf(?:$| (?!spot|blight|mold))|[ _]leaf$", re.IGNORECASE)
CONTAINER = re.compile(
    r"plant[ _-]?(village|doc)([ _-]data-?set)?|train(ing)?|test(ing)?|val(id|idation)?"
    r"|colou?r|grayscale|segmented|raw|images?|data(set)?",
    re.IGNORECASE,
)


class Found(NamedTuple):
    """A file, and the names of the folders between it and the data set's."""

    path: str
    folders: tuple[str, ...]


def training_folder(dataset: Path) -> Path:
    """Return the folder of the plants: `train` in the data set's, if there is one; raise ArusError if there is none."""
    shown = printable(str(dataset))
    try:
        if not dataset.is_dir():
            raise ArusError(f"no such folder: {shown}; give the one that has train/ in it")
        return dataset / TRAINING if (dataset / TRAINING).is_dir() else dataset
    except OSError as error:
        raise ArusError(f"{shown} cannot be read: {error.strerror}") from error


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
        raise ArusError(f"{printable(folder)} cannot be read: {error.strerror}") from error


def class_of(folders: tuple[str, ...]) -> tuple[str, str]:
    """Return plant and disease, each empty where it is unknown.

    1. An image's own folder may name both: `Potato___healthy`, with any plant before `___`; with a
       known plant, `Tomato_Early_blight`, `Tomato leaf yellow virus`, `Peach leaf` (healthy).
    2. Else the first two folders are plant and disease: `tea/rust`. A single one is the plant if it
       is a known one, else the disease.
    Folders of a data set (`PlantVillage`, `train`, `color`) are neither.
    """
    names = [name for name in folders if not CONTAINER.fullmatch(name)]
    plant, disease = _in_own_folder(names) or _in_first_two(names)
    return (shown_name(plant) if plant else "", shown_name(disease) if disease else "")


def _in_own_folder(names: list[str]) -> tuple[str, str] | None:
    *above, own = names or [""]
    if PLANT_AND_DISEASE in own:
        plant, _, disease = own.partition(PLANT_AND_DISEASE)
        return plant, disease.strip(SEPARATORS)
    found = BOTH.fullmatch(own)
    # Below a plant's folder, its name belongs to the disease's: tomato/tomato_mosaic_virus.
    if not found or (above and PLANT.fullmatch(above[-1])):
        return None
    return found["plant"], LEAF.sub("", found["disease"]).strip(SEPARATORS) or HEALTHY


def _in_first_two(names: list[str]) -> tuple[str, str]:
    if len(names) == 1 and not PLANT.fullmatch(names[0]):
        return "", names[0]
    plant, disease = (*names, "", "")[:2]
    return plant, disease
