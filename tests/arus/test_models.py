"""The folder of trained models: which are there, whether they are as they were written, and which is the best."""

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from arus import models
from arus.errors import ArusError


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARUS_STORE", str(tmp_path / "the store"))
    folder = models.root()
    folder.mkdir(parents=True)
    return folder


def made(number: int, **facts: Any) -> Path:
    """Make a sealed model by hand."""
    folder = models.path_of(number)
    (folder / "spark" / "a b").mkdir(parents=True)
    (folder / models.MODEL).write_text(json.dumps({"format": models.FORMAT, "model_number": number} | facts))
    (folder / models.ENTITIES).write_bytes(b"facts of entities")
    (folder / "spark" / "a b" / ".part-0.crc").write_bytes(b"\x00\xff")
    models.seal(folder)
    return folder


def test_a_store_without_models_has_no_numbers_and_no_champion(root: Path) -> None:
    root.rmdir()
    assert (models.numbers(), models.champion(), models.newest_sound()) == ([], None, None)


def test_models_are_kept_on_a_local_disk_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARUS_STORE", "s3a://bucket/arus")
    with pytest.raises(ArusError, match=r"^ARUS_STORE=s3a://bucket/arus is no local folder: "):
        models.root()


def test_the_numbers_are_in_the_order_of_numbers_and_nothing_else_is_a_model(root: Path) -> None:
    for name in ("10", "2", "1", "0", "01", "x", "3.old", "-4", ""):
        (root / f"kmeans_model_{name}").mkdir()
    (root / ".draft-11").mkdir()
    assert models.numbers() == [1, 2, 10]


def test_the_champion_is_replaced_whole(root: Path) -> None:
    models.promote(3)
    models.promote(12)
    assert models.champion() == 12
    assert [(path.name, path.read_text()) for path in root.iterdir()] == [("champion", '{"model_number": 12}\n')]


def test_whoever_reads_while_champions_change_finds_one_of_them() -> None:
    def change() -> None:
        for turn in range(200):
            models.promote(1 + turn % 2)

    models.promote(1)
    changes = threading.Thread(target=change)
    changes.start()
    found = set()
    while changes.is_alive():
        found.add(models.champion())
    changes.join()
    assert found == {1, 2}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is damaged"),
        (b'{"model_numb', "is damaged"),
        (b"\xff\xfe", "is damaged"),
        (b"3", "is damaged"),
        (b"[3]", "is damaged"),
        (b'{"number": 3}', "is damaged"),
        (b'{"model_number": "3"}', "names no model"),
        (b'{"model_number": 3.0}', "names no model"),
        (b'{"model_number": true}', "names no model"),
        (b'{"model_number": null}', "names no model"),
    ],
)
def test_a_damaged_champion_is_told_with_the_remedy(root: Path, content: bytes, fault: str) -> None:
    (root / "champion").write_bytes(content)
    with pytest.raises(ArusError) as error:
        models.champion()
    message = str(error.value)
    assert message.startswith(f"{root / 'champion'} {fault}")
    assert message.endswith('write {"model_number": N} into it')
    assert "\n" not in message


def test_a_folder_in_the_place_of_the_champion_is_told_as_well(root: Path) -> None:
    (root / "champion").mkdir()
    with pytest.raises(ArusError, match="champion is damaged"):
        models.champion()
    with pytest.raises(ArusError, match="champion cannot be written"):
        models.promote(1)
    assert [path.name for path in root.iterdir()] == ["champion"]


def test_a_seal_is_what_sha256sum_reads_over_every_file() -> None:
    folder = made(1)
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", models.SUMS], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, sorted(done.stdout.splitlines())) == (
        0,
        ["entities.sqlite: OK", "model.json: OK", "spark/a b/.part-0.crc: OK"],
    )


def test_a_sealed_model_is_read() -> None:
    made(7, score=0.5)
    assert models.read(7) == {"format": 1, "model_number": 7, "score": 0.5}
    assert models.sound(7) == models.read(7)
    assert models.sound(None) is None


@pytest.mark.parametrize("name", [models.MODEL, models.ENTITIES])
def test_a_changed_file_is_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = made(1) / name
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    said = f"{path} is not what was written at the training (SHA-256 differs)"
    with pytest.raises(ArusError) as error:
        models.read(1)
    assert str(error.value) == said
    assert models.sound(1) is None
    assert capsys.readouterr().err == f"arus: {said}; it is left out\n"


@pytest.mark.parametrize("name", [models.MODEL, models.ENTITIES, models.SUMS])
def test_a_model_with_a_missing_file_is_no_whole_model(name: str) -> None:
    folder = made(1)
    (folder / name).unlink()
    with pytest.raises(ArusError, match=rf"kmeans_model_1 is no whole model: .*{name}"):
        models.read(1)


@pytest.mark.parametrize("sums", [b"", b"\xff", b"no sums at all\n"])
def test_a_damaged_list_of_sums_makes_no_model_sound(sums: bytes) -> None:
    (made(1) / models.SUMS).write_bytes(sums)
    with pytest.raises(ArusError, match=r"(model.json is not what was written|is no whole model)"):
        models.read(1)


def test_a_model_that_was_never_there_is_not_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert models.sound(4) is None
    assert "kmeans_model_4 is no whole model" in capsys.readouterr().err


def test_a_model_of_another_format_is_refused() -> None:
    made(1, format=2)
    with pytest.raises(ArusError, match=r"model.json has format 2; this version of Arus reads 1$"):
        models.read(1)


def test_a_training_killed_before_it_named_its_champion_is_settled(root: Path) -> None:
    models.settle()
    assert models.champion() is None
    made(1, promotion={"promoted": True})
    models.settle()
    assert models.champion() == 1
    os.utime(root / models.CHAMPION, (1, 1))
    made(2, promotion={"promoted": True})
    models.settle()
    assert models.champion() == 2


def test_a_champion_chosen_by_hand_stays() -> None:
    made(1, promotion={"promoted": True})
    made(2, promotion={"promoted": True})
    models.promote(1)
    os.utime(models.path_of(2), (1, 1))
    models.settle()
    assert models.champion() == 1


def test_a_model_that_did_not_win_is_not_made_the_champion(root: Path) -> None:
    made(1, promotion={"promoted": True})
    models.settle()
    os.utime(root / models.CHAMPION, (1, 1))
    made(2, promotion={"promoted": False})
    models.settle()
    assert models.champion() == 1


def test_the_newest_sound_model_is_the_last_that_is_not_damaged(capsys: pytest.CaptureFixture[str]) -> None:
    for number in (2, 9, 10, 11):
        made(number)
    (models.path_of(11) / models.MODEL).write_text("{}")
    (models.path_of(10) / models.ENTITIES).unlink()
    found = models.newest_sound()
    assert found is not None
    assert found["model_number"] == 9
    assert len(capsys.readouterr().err.splitlines()) == 2
