from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from arus.errors import ArusError
from arus.joins import refuse_unbounded
from arus.pairing import join
from arus.schemas import KELEMBABAN, SUHU
from tests.jobs.warehouse_records import streamed_side

SAME = "suhu_gudang_id = kelembaban_gudang_id"
LOWER = "suhu_time >= kelembaban_time - INTERVAL 10 SECONDS"
UPPER = "suhu_time <= kelembaban_time + INTERVAL 10 SECONDS"


@pytest.fixture
def sides(spark: SparkSession, tmp_path: Path) -> tuple[DataFrame, DataFrame]:
    return streamed_side(spark, tmp_path, SUHU), streamed_side(spark, tmp_path, KELEMBABAN)


def test_the_jobs_own_join_is_bounded(sides: tuple[DataFrame, DataFrame]) -> None:
    refuse_unbounded(join(*sides, 10))
    refuse_unbounded(join(*sides, 10).where("suhu > 0").select("suhu"))


@pytest.mark.parametrize(
    ("condition", "missing"),
    [
        (SAME, "lower"),
        (f"{SAME} AND {LOWER}", "upper"),
        (f"{SAME} AND {UPPER}", "lower"),
        (f"{SAME} AND {LOWER} AND suhu_place <= kelembaban_place", "upper"),
        (f"{SAME} AND {UPPER} AND suhu_place >= kelembaban_place", "lower"),
        (f"{SAME} AND {LOWER} AND suhu_time <= timestamp_micros(kelembaban_place)", "upper"),
    ],
)
def test_a_join_without_a_bound_in_time_is_refused(
    sides: tuple[DataFrame, DataFrame], condition: str, missing: str
) -> None:
    with pytest.raises(ArusError, match=f"^the join's state would grow for ever: .* no {missing} bound in time$"):
        refuse_unbounded(sides[0].join(sides[1], F.expr(condition), "fullOuter"))


def test_a_join_on_nothing_is_refused(sides: tuple[DataFrame, DataFrame]) -> None:
    with pytest.raises(ArusError, match="no lower bound"):
        refuse_unbounded(sides[0].crossJoin(sides[1]))


@pytest.mark.parametrize("unmarked", [0, 1])
def test_a_side_without_a_watermark_is_refused(spark: SparkSession, tmp_path: Path, unmarked: int) -> None:
    kinds = (SUHU, KELEMBABAN)
    sides = [streamed_side(spark, tmp_path, kind, marked=n != unmarked) for n, kind in enumerate(kinds)]
    with pytest.raises(ArusError, match=r"^the join's state would grow for ever: a side has no watermark$"):
        refuse_unbounded(sides[0].join(sides[1], F.expr(f"{SAME} AND {LOWER} AND {UPPER}"), "inner"))


def test_a_query_that_joins_nothing_is_refused(sides: tuple[DataFrame, DataFrame]) -> None:
    with pytest.raises(ArusError, match=r"^the status query joins nothing$"):
        refuse_unbounded(sides[0])


# The same bound, written both ways.
def test_a_bound_said_twice_is_not_two_bounds(sides: tuple[DataFrame, DataFrame]) -> None:
    twice = F.expr(f"{SAME} AND {LOWER} AND kelembaban_time - INTERVAL 10 SECONDS <= suhu_time")
    with pytest.raises(ArusError, match="no upper bound"):
        refuse_unbounded(sides[0].join(sides[1], twice, "fullOuter"))
