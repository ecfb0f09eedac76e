from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from arus import ledger
from arus.ledger import NONE, Ledger, newest_batch, note


def commit(rows: DataFrame, path: Path, user_metadata: str | None) -> None:
    writer = rows.write.format("delta").mode("append")
    (writer.option("userMetadata", user_metadata) if user_metadata else writer).save(str(path))


def test_the_newest_batch_of_a_query_is_in_the_log_of_the_table(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.range(1)
    for user_metadata in (note("one", 3), note("one", 4), note("another", 9), "by hand", "{", None):
        commit(rows, tmp_path, user_metadata)
    path = str(tmp_path)
    assert newest_batch(spark, path, "one") == 4
    assert newest_batch(spark, path, "another") == 9
    assert newest_batch(spark, path, "a third") == NONE


def test_commits_of_others_do_not_hide_a_batch(spark: SparkSession, tmp_path: Path) -> None:
    commit(spark.range(1), tmp_path, note("one", 0))
    for _ in range(ledger.RECENT_COMMITS + 1):
        commit(spark.range(1), tmp_path, None)
    assert newest_batch(spark, str(tmp_path), "one") == 0


def test_a_batch_is_appended_once_also_by_a_new_ledger(spark: SparkSession, tmp_path: Path) -> None:
    context = spark.sparkContext
    path = str(tmp_path)
    spark.range(0).write.format("delta").save(path)
    context.setLocalProperty("sql.streaming.queryId", "one")
    try:
        first = Ledger()
        assert [first.append(spark.range(2), path, batch) for batch in (0, 0, 1)] == [True, False, True]
        second = Ledger()
        assert [second.append(spark.range(2), path, batch) for batch in (0, 1, 2)] == [False, False, True]
        context.setLocalProperty("sql.streaming.queryId", "another")
        assert Ledger().append(spark.range(2), path, 0)
    finally:
        context.setLocalProperty("sql.streaming.queryId", None)  # type: ignore[arg-type]
    assert spark.read.format("delta").load(path).count() == 8
