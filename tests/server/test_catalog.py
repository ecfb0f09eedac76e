"""How the server follows the models folder."""

import logging
import shutil
import time

import pytest

from arus import models
from server.catalog import MOST_MODELS, Catalog
from tests.server import sample

pytestmark = pytest.mark.usefixtures("store")


def damage(number: int) -> None:
    (models.path_of(number) / models.ENTITIES).write_bytes(b"not a database")


def seen(catalog: Catalog) -> tuple[int | None, list[int], list[int]]:
    """Return the champion's number, the models that answer and those that are refused."""
    catalog.refresh()
    now = catalog.snapshot
    return now.champion.number if now.champion else None, sorted(now.models), sorted(now.damaged)


def test_nothing_is_there_at_first_and_then_a_model_is() -> None:
    catalog = Catalog()
    assert seen(catalog) == (None, [], [])
    sample.write_model(1)
    models.promote(1)
    assert seen(catalog) == (1, [1], [])


def test_a_model_that_did_not_win_answers_by_its_number_only() -> None:
    sample.write_model(1)
    models.promote(1)
    sample.write_model(2)
    assert seen(Catalog()) == (1, [1, 2], [])


def test_a_snapshot_stays_as_it_was_when_the_next_model_wins() -> None:
    sample.write_model(1)
    models.promote(1)
    catalog = Catalog()
    before = catalog.snapshot
    sample.write_model(2)
    models.promote(2)
    assert seen(catalog) == (2, [1, 2], [])
    assert before.champion is not None
    assert (before.champion.number, sorted(before.models)) == (1, [1])
    assert before.facts is not None
    assert before.facts.of("customers", "17850")


def test_a_damaged_champion_is_refused_and_the_last_good_one_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    sample.write_model(1)
    models.promote(1)
    events: list[str] = []
    catalog = Catalog(events.append)
    sample.write_model(2)
    damage(2)
    models.promote(2)
    with caplog.at_level(logging.WARNING, "arus.server"):
        assert seen(catalog) == (1, [1], [2])
        assert seen(catalog) == (1, [1], [2])
    assert catalog.snapshot.trouble == f"model 2 was chosen, but it is {catalog.snapshot.damaged[2]}"
    assert [record.message for record in caplog.records] == [f"model 2 is refused: {catalog.snapshot.damaged[2]}"]
    assert events == ["load", "refusal"]


def test_a_champion_that_is_repaired_takes_over() -> None:
    sample.write_model(1)
    models.promote(1)
    sample.write_model(2)
    whole = (models.path_of(2) / models.ENTITIES).read_bytes()
    damage(2)
    models.promote(2)
    catalog = Catalog()
    assert seen(catalog) == (1, [1], [2])
    (models.path_of(2) / models.ENTITIES).write_bytes(whole)
    assert seen(catalog) == (2, [1, 2], [])
    assert catalog.snapshot.trouble is None


def test_after_a_restart_with_a_damaged_champion_the_newest_winner_answers() -> None:
    lost = sample.model_json(3)
    lost["promotion"]["promoted"] = False
    for number in (1, 2):
        sample.write_model(number)
    sample.write_model(3, found=lost)
    sample.write_model(4)
    damage(4)
    models.promote(4)
    assert seen(Catalog()) == (2, [1, 2, 3], [4])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model_number": "x"}', '{"model_number": 99}', "\0"])
def test_a_damaged_champion_file_changes_nothing_and_is_told_of(text: str) -> None:
    sample.write_model(1)
    models.promote(1)
    catalog = Catalog()
    (models.root() / models.CHAMPION).write_text(text)
    assert seen(catalog) == (1, [1], [])
    assert catalog.snapshot.trouble


def test_a_champion_damaged_after_it_was_loaded_goes_on_from_memory() -> None:
    sample.write_model(1)
    models.promote(1)
    catalog = Catalog()
    damage(1)
    assert seen(catalog) == (1, [], [1])


def test_a_champion_that_is_removed_goes_on_answering() -> None:
    sample.write_model(1)
    models.promote(1)
    catalog = Catalog()
    shutil.rmtree(models.path_of(1))
    assert seen(catalog) == (1, [], [])
    assert catalog.snapshot.facts is not None
    assert catalog.snapshot.facts.of("countries", "United Kingdom")


def test_a_model_made_anew_under_its_old_number_is_loaded_anew() -> None:
    sample.write_model(1)
    models.promote(1)
    catalog = Catalog()
    shutil.rmtree(models.path_of(1))
    sample.write_model(1, (7, 8, 9))
    assert seen(catalog) == (1, [1], [])
    assert catalog.snapshot.champion is not None
    assert sorted(catalog.snapshot.champion.names["customers"]) == [7, 8, 9]


def test_only_so_many_models_are_kept_but_the_champion_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.catalog.MOST_MODELS", 3)
    for number in range(1, 7):
        sample.write_model(number)
    models.promote(1)
    assert MOST_MODELS > 3
    assert seen(Catalog()) == (1, [1, 4, 5, 6], [])


def test_drafts_and_other_files_are_no_models() -> None:
    (models.root() / ".draft_7").mkdir()
    (models.root() / "kmeans_model_0").mkdir()
    (models.root() / "kmeans_model_x").mkdir()
    (models.root() / "kmeans_model_5").write_text("a file")
    catalog = Catalog()
    assert seen(catalog) == (None, [], [5])


def test_a_request_finds_the_first_champion_before_the_watch_does() -> None:
    catalog = Catalog()
    assert catalog.snapshot_with(()).champion is None
    sample.write_model(1)
    models.promote(1)
    champion = catalog.snapshot_with(()).champion
    assert champion is not None
    assert champion.number == 1


def test_the_watch_finds_a_new_champion_by_itself() -> None:
    catalog = Catalog()
    enough = catalog.watch()
    sample.write_model(1)
    models.promote(1)
    deadline = time.monotonic() + 60
    while catalog.snapshot.champion is None and time.monotonic() < deadline:
        time.sleep(0.02)
    enough.set()
    assert catalog.snapshot.champion is not None
