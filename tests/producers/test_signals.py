import pytest

from producers.signals import Episode


def test_an_episode_rises_holds_and_fades() -> None:
    episode = Episode(begin=10.0, rise=4.0, hold=6.0, lift=20.0, fade=5.0)
    assert [episode.at(seconds) for seconds in (9.0, 12.0, 14.0, 20.0)] == [0.0, 10.0, 20.0, 20.0]
    assert episode.at(25.0) == pytest.approx(7.36, abs=0.01)
