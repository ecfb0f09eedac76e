"""The rules around k-means that need no Spark: what is degenerate, what is best, which number a cluster gets."""

import random
from collections.abc import Mapping, Sequence
from functools import cache

import pytest

from arus.clustering import Candidate, Centroid, best, distance, matched, unscaled, why_refused
from arus.errors import ArusError


@pytest.mark.parametrize(
    ("sizes", "k", "reason"),
    [
        ([10, 10], 2, None),
        ([2, 98], 2, None),
        ([1, 99], 2, "a cluster of 1 (at least 2)"),
        ([99, 1, 1], 3, "a cluster of 1 (at least 2)"),
        ([5, 995], 2, None),
        ([4, 996], 2, "a cluster of 4 (at least 5)"),
        ([20, 3980], 2, None),
        ([19, 3981], 2, "a cluster of 19 (at least 20)"),
        ([100], 2, "only 1 of 2 clusters have members"),
        ([100, 0], 2, "only 1 of 2 clusters have members"),
        ([50, 0, 50, 0], 4, "only 2 of 4 clusters have members"),
    ],
)
def test_clusters_of_too_few_are_refused_with_the_reason(sizes: list[int], k: int, reason: str | None) -> None:
    assert why_refused(sizes, k) == reason


def tried(k: int, silhouette: float, refused: str | None = None, seed: int = 1) -> Candidate:
    return Candidate(k, seed, silhouette, 1.0, [10] * k, refused)


@pytest.mark.parametrize(
    ("candidates", "place"),
    [
        ([tried(2, 0.4), tried(3, 0.6), tried(4, 0.5)], 1),
        ([tried(2, 0.4), tried(3, 0.6, "a cluster of 1"), tried(4, 0.5)], 2),
        ([tried(2, -0.2), tried(3, -0.1)], 1),
        # At a tie the fewest clusters, then the first.
        ([tried(4, 0.6), tried(3, 0.6), tried(2, 0.5)], 1),
        ([tried(3, 0.6, seed=1), tried(3, 0.6, seed=2), tried(3, 0.6, seed=3)], 0),
    ],
)
def test_the_best_is_the_highest_silhouette_that_is_not_refused(candidates: list[Candidate], place: int) -> None:
    assert best(candidates, "customers by line") == place


def test_without_any_that_is_allowed_every_reason_is_told() -> None:
    with pytest.raises(ArusError) as error:
        best([tried(2, 0.9, "a cluster of 1"), tried(3, 0.8, "a cluster of 2")], "countries by profile")
    assert str(error.value) == (
        "countries by profile: no k gives clusters worth keeping (k=2: a cluster of 1; k=3: a cluster of 2); "
        "wait for more rows"
    )


def test_a_scaled_centroid_goes_back_to_logs() -> None:
    assert unscaled((1.0, -2.0), (3.0, 0.5), (2.0, 0.25)) == (5.0, 0.0)


def test_a_distance_is_euclidean() -> None:
    assert distance((1.0, 2.0), (4.0, -2.0)) == 5.0


def test_the_first_numbers_go_by_the_centroids_and_not_by_chance() -> None:
    centroids = [(0.5, 0.0), (-1.0, 9.0), (0.5, -1.0)]
    assert matched(centroids, {}, 3) == [2, 0, 1]


def test_a_cluster_keeps_its_number_wherever_it_stands_in_the_list() -> None:
    last = {4: (0.0, 0.0), 1: (3.0, 0.0), 9: (0.0, 3.0)}
    assert matched([(0.1, 3.1), (0.1, 0.1), (2.9, 0.1)], last, 10) == [9, 4, 1]


def test_more_clusters_get_fresh_numbers() -> None:
    last = {0: (0.0,), 3: (10.0,)}
    assert matched([(5.0,), (10.1,), (0.1,), (-5.0,)], last, 7) == [7, 3, 0, 8]


def test_fewer_clusters_give_numbers_up() -> None:
    last = {0: (0.0,), 3: (10.0,), 5: (20.0,)}
    assert matched([(19.0,), (1.0,)], last, 7) == [5, 0]


def test_the_best_match_of_all_is_not_the_sum_of_the_best_single_ones() -> None:
    # The nearest pair is (0.9, old 1), which leaves 2.0 for old 0: 0.1 + 2.0 is more than 0.9 + 1.0.
    assert matched([(0.9,), (2.0,)], {0: (0.0,), 1: (1.0,)}, 2) == [0, 1]
    # Of three old ones, the two that together are nearest.
    assert matched([(2.2,), (1.1,)], {0: (0.0,), 1: (1.5,), 2: (9.0,)}, 3) == [1, 0]


def cheapest(centroids: Sequence[Centroid], last: Mapping[int, Centroid]) -> float:
    """Return the least sum of distances of as many pairs as there can be, by dynamic programming over who is left."""

    @cache
    def rest(place: int, free: frozenset[int], skips: int) -> float:
        if place == len(centroids):
            return 0.0
        takes = (distance(centroids[place], last[old]) + rest(place + 1, free - {old}, skips) for old in free)
        skip = [rest(place + 1, free, skips - 1)] if skips else []
        return min([*takes, *skip])

    return rest(0, frozenset(last), max(len(centroids) - len(last), 0))


def test_no_other_numbering_has_a_smaller_sum_of_distances() -> None:
    rng = random.Random(11)
    for _ in range(200):
        centroids = [(rng.random(), rng.random()) for _ in range(rng.randint(1, 6))]
        old = rng.sample(range(20), rng.randint(1, 6))
        last = {number: (rng.random(), rng.random()) for number in old}
        numbers = matched(centroids, last, 20)
        kept = [(centroid, number) for centroid, number in zip(centroids, numbers, strict=True) if number in last]
        fresh = sorted(set(numbers) - set(last))
        assert len(set(numbers)) == len(centroids)
        assert len(kept) == min(len(centroids), len(last))
        assert fresh == list(range(20, 20 + len(fresh)))
        total = sum(distance(centroid, last[number]) for centroid, number in kept)
        assert total == pytest.approx(cheapest(centroids, last))


def test_as_many_clusters_as_a_sweep_may_try_are_numbered() -> None:
    rng = random.Random(12)
    last = {number: (rng.random(), rng.random()) for number in range(8)}
    order = rng.sample(range(8), 8)
    assert matched([last[number] for number in order], last, 8) == order
