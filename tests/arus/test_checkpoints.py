import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from arus.checkpoints import damage_of, refuse_damaged
from arus.errors import ArusError

OFFSETS = "\n".join(["v1", json.dumps({"batchWatermarkMs": 0}), json.dumps({"sensor-suhu": {"0": 5}})])


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint as Spark leaves it: two batches committed, a third planned."""
    (tmp_path / "metadata").write_text('{"id":"1738e475-2fa8-4e86-b109-90f95254bad5"}')
    for log, numbers, text in (("offsets", 3, OFFSETS), ("commits", 2, 'v1\n{"nextBatchWatermarkMs":0}')):
        (tmp_path / log).mkdir()
        for number in range(numbers):
            (tmp_path / log / str(number)).write_text(text)
    return tmp_path


def test_a_sound_and_a_new_checkpoint_are_not_damaged(checkpoint: Path, tmp_path: Path) -> None:
    assert damage_of(checkpoint) is None
    assert damage_of(tmp_path / "not yet there") is None


@pytest.mark.parametrize(
    ("spoil", "damage"),
    [
        (lambda path: (path / "metadata").unlink(), "metadata is missing or unreadable"),
        (lambda path: (path / "metadata").write_text('{"id":'), "metadata is missing or unreadable"),
        (lambda path: (path / "metadata").write_text("[]"), "metadata is missing or unreadable"),
        (lambda path: shutil.rmtree(path / "offsets"), "offsets/1 is missing"),
        (lambda path: [(path / "offsets" / name).unlink() for name in "12"], "offsets/1 is missing"),
        (lambda path: (path / "offsets" / "2").write_text(""), "offsets/2 is unreadable"),
        (lambda path: (path / "offsets" / "2").write_text(OFFSETS[:-1]), "offsets/2 is unreadable"),
        (lambda path: (path / "offsets" / "2").write_text("v1\n{}"), "offsets/2 is unreadable"),
        (lambda path: (path / "offsets" / "2").write_text(OFFSETS.replace("v1", "v9")), "offsets/2 is unreadable"),
        (lambda path: (path / "commits" / "1").write_bytes(b"\xff\x00"), "commits/1 is unreadable"),
    ],
)
def test_damage_is_named(checkpoint: Path, spoil: Callable[[Path], object], damage: str) -> None:
    spoil(checkpoint)
    assert damage_of(checkpoint) == damage
    with pytest.raises(ArusError, match=r"python -m arus reset retail_ingest"):
        refuse_damaged(checkpoint, "retail_ingest")
