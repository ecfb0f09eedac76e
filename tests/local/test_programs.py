"""Pipelines made of jobs' entries. That supervisord knows all of them: tests/test_layout.py."""

import pytest

from arus.errors import ArusError
from arus.local.programs import Pipeline, job_command, pipelines, producer_command
from arus.schemas import JobEntry


def test_a_job_is_a_pipeline_of_its_own_that_is_started_where_it_is_asked_for() -> None:
    (found,) = pipelines({"menit_suhu": JobEntry(producer="temperature")})
    assert found == Pipeline("menit_suhu", "menit_suhu", "temperature", (), is_extra=True)
    assert found.first == ("menit_suhu", "temperature")
    assert pipelines({"alone": JobEntry()})[0].first == ("alone",)


def test_jobs_of_one_name_are_one_pipeline_and_the_later_ones_wait() -> None:
    jobs = {
        "later": JobEntry(pipeline="shop", is_later=True),
        "first": JobEntry(pipeline="shop", producer="retail", is_extra=False),
        "other": JobEntry(),
    }
    shop, other = pipelines(jobs)
    assert shop == Pipeline("shop", "first", "retail", ("later",), is_extra=False)
    assert shop.jobs == ("first", "later")
    assert other.name == "other"


@pytest.mark.parametrize("is_later", [True, False])
def test_a_pipeline_in_which_not_one_job_begins_is_refused_in_words(is_later: bool) -> None:
    jobs = {name: JobEntry(pipeline="shop", is_later=is_later) for name in ("one", "two")}
    with pytest.raises(ArusError, match="the pipeline shop has one, two, of which one is to begin"):
        pipelines(jobs)


def test_a_job_without_options_of_its_own_runs_in_a_small_heap() -> None:
    assert " --driver-memory 640m " in job_command("menit_suhu")
    assert "--conf" not in job_command("menit_suhu")
    assert '--conf "spark.arus.trigger=2 minutes"' in job_command("retail_train")
    assert producer_command("menit").endswith(" -m producers.menit")
