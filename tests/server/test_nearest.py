import math
import random

import pytest

from server.nearest import Line, cluster_of, clusters_of

LINE = Line((1.2, 0.9), (1 / 0.8, 1 / 0.5), ((-1.0, -0.5, 4), (0.4, 1.5, 0), (1.8, -1.0, 9)))


def by_definition(line: Line, quantity: float, unit_price: float) -> int:
    """Return the cluster as the contract words it, with no thought of speed."""
    values = [math.log1p(abs(value)) for value in (quantity, unit_price)]
    scaled = [(value - mean) * scale for value, mean, scale in zip(values, line.mean, line.scale, strict=True)]
    distances = [sum((one - other) ** 2 for one, other in zip(scaled, at, strict=False)) for at in line.centroids]
    return line.centroids[distances.index(min(distances))][2]


def some_lines(count: int) -> tuple[list[float], list[float]]:
    chance = random.Random(7)
    quantities: list[float] = [
        chance.choice([chance.randint(-80_000, 80_000), chance.uniform(-50, 50)]) for _ in range(count)
    ]
    return quantities, [chance.uniform(0, 1) ** 4 * 10_000 for _ in range(count)]


def test_one_request_goes_to_the_nearest_centroid() -> None:
    quantities, prices = some_lines(2_000)
    found = [cluster_of(LINE, quantity, price) for quantity, price in zip(quantities, prices, strict=True)]
    assert found == [by_definition(LINE, quantity, price) for quantity, price in zip(quantities, prices, strict=True)]
    assert set(found) == {0, 4, 9}


def test_a_list_gives_what_each_of_its_requests_gives() -> None:
    quantities, prices = some_lines(10_000)
    each = [cluster_of(LINE, quantity, price) for quantity, price in zip(quantities, prices, strict=True)]
    assert clusters_of(LINE, quantities, prices) == each


def test_a_return_counts_by_its_size() -> None:
    assert cluster_of(LINE, -500, 1.0) == cluster_of(LINE, 500, 1.0) == 9
    assert clusters_of(LINE, [-500, 500], [1.0, 1.0]) == [9, 9]


def test_on_a_tie_the_first_centroid_wins() -> None:
    tie = Line((0.0, 0.0), (1.0, 1.0), ((1.0, 0.0, 8), (-1.0, 0.0, 3), (0.0, 1.0, 5)))
    assert cluster_of(tie, 0, 0) == 8
    assert clusters_of(tie, [0, 0], [0, 0]) == [8, 8]


@pytest.mark.parametrize(("quantity", "price"), [(1e9, 1e9), (-1e9, 0), (0, 0), (5e-324, 5e-324)])
def test_the_bounds_of_a_request_are_answered(quantity: float, price: float) -> None:
    assert clusters_of(LINE, [quantity], [price]) == [cluster_of(LINE, quantity, price)]
