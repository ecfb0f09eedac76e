"""The training as a user starts it: models that come whole, one after the other, whatever is done to it.

The server answers by them for every row as Spark does.
"""

import json
import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pyarrow as pa
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from arus import models
from arus.retail_lines import LINE
from producers import retail_data
from tests.arus.retail_rows import points, predicted
from tests.conftest import Broker, free_port
from tests.e2e.shop import LONG, ROWS, Scheduled, Shop, content, options, sell
from tests.e2e.support import kill, python, submit, table, until, words

pytestmark = pytest.mark.e2e

LIST_ROWS = 1000
ID_FIELDS = {"customer": "CustomerID", "product": "StockCode", "country": "Country"}
VIEWS = {"customer": "customers", "product": "products", "country": "countries"}
Ask = Callable[[str, Any], Any]


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Scheduled:
    """Let a scheduled training make a model, and one on twice the rows; try another training beside it; stop it."""
    shop = Shop(Broker(tmp_path_factory.mktemp("shop") / "its home", "localhost:1"))
    shop.broker.home.mkdir()
    sell(shop.broker, 0, ROWS)
    job = submit(shop.broker, "retail_train", *options(trigger="1 second"))
    try:
        until(lambda: told(shop.broker).startswith("training: "), "a training that status knows of", LONG)
        training = told(shop.broker)
        until(lambda: job.poll() is not None or (shop.models / "champion").exists(), "the first champion", LONG)
        first = content(shop.models / "kmeans_model_1")
        sell(shop.broker, ROWS, ROWS)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ARUS_PATIENCE_SECONDS", "3")
            other = submit(shop.broker, "retail_train", *options())
        refusal = words(other)
        until(lambda: job.poll() is not None or shop.has_settled(2), "the second model", LONG)
        until(lambda: job.poll() is not None or told(shop.broker).startswith("waiting: "), "the wait for rows", LONG)
    finally:
        job.terminate()
        said = words(job)
    return Scheduled(shop, first, (other.returncode, refusal), said, training, told(shop.broker))


def told(home: Broker) -> str:
    """Return what `status` says of the training."""
    found = json.loads(home.arus("status", "--json").stdout)["jobs"].get("retail_train", {"state": "", "doing": ""})
    return f"{found['state']}: {found['doing']}"


def test_status_knows_which_step_a_training_is_at_and_that_it_has_ended(scheduled: Scheduled) -> None:
    assert re.fullmatch(r"training: model 1: .+, step \d of 7", scheduled.training)
    assert scheduled.ended == "stopped: "
    assert "retail_train: waiting for new rows in the table retail" in scheduled.said


def test_a_scheduled_training_makes_models_as_rows_come(scheduled: Scheduled) -> None:
    shop = scheduled.shop
    assert shop.names() == sorted(["champion", "kmeans_model_1", "kmeans_model_2"])
    assert [shop.is_whole(number) for number in (1, 2)] == [True, True]
    first, second = shop.facts(1), shop.facts(2)
    assert (first["model_number"], first["table"], first["rows"]["total"]) == (
        1,
        {"name": "retail", "version": 0},
        ROWS,
    )
    assert (second["model_number"], second["table"], second["rows"]["total"]) == (
        2,
        {"name": "retail", "version": 1},
        2 * ROWS,
    )
    assert (first["promotion"]["promoted"], first["promotion"]["why"]) == (True, "the first sound model")
    assert second["promotion"]["champion"] == 1
    assert shop.champion() == (2 if second["promotion"]["promoted"] else 1)


def test_a_stop_ends_a_scheduled_training_in_order(scheduled: Scheduled) -> None:
    assert re.search(r"writing +model 2, (the new champion|not promoted)", scheduled.said)
    assert "Traceback" not in scheduled.said
    assert [line for line in scheduled.said.splitlines() if line.startswith("arus:")] == []


def test_what_is_left_out_is_told_and_adds_up(scheduled: Scheduled) -> None:
    rows = scheduled.shop.facts(1)["rows"]
    assert rows["total"] == rows["used"] + sum(rows["left_out"].values())
    assert all(rows["left_out"].values())
    assert f"{rows['total']:,} rows: {rows['used']:,} used ({rows['without_customer']:,} of them" in scheduled.said


def test_a_model_is_never_touched_again(scheduled: Scheduled) -> None:
    assert content(scheduled.shop.models / "kmeans_model_1") == scheduled.first


def test_numbers_keep_their_meaning_from_model_to_model(scheduled: Scheduled) -> None:
    for view in models.VIEWS:
        for part in ("line", "profile"):
            old, new = (scheduled.shop.facts(number)["views"][view][part] for number in (1, 2))
            kept = {each["cluster"] for each in old["clusters"]} & {each["cluster"] for each in new["clusters"]}
            assert len(kept) == min(old["k"], new["k"])
            assert {each["cluster"] for each in new["clusters"] if each["moved"] is not None} == kept
            fresh = {each["cluster"] for each in new["clusters"]} - kept
            assert fresh == set(range(old["next_cluster"], new["next_cluster"]))


def test_a_second_training_beside_it_is_refused_in_one_line(scheduled: Scheduled) -> None:
    code, said = scheduled.refused
    assert code == 1
    (line,) = [line for line in said.splitlines() if line.startswith("arus:")]
    assert "retail_train is being written by retail_train (pid" in line
    assert line.endswith("stop that one first")
    assert "Traceback" not in said


def test_every_known_entity_is_where_the_formula_places_it(scheduled: Scheduled) -> None:
    folder = scheduled.shop.models / "kmeans_model_2"
    facts = scheduled.shop.facts(2)
    with closing(sqlite3.connect(folder / models.ENTITIES)) as database:
        for view in models.VIEWS:
            found = [json.loads(text) for (text,) in database.execute(f"SELECT facts FROM {view}")]  # noqa: S608
            line, profile = facts["views"][view]["line"], facts["views"][view]["profile"]
            assert len(found) == facts["views"][view]["entities"]
            for each in found:
                assert each["cluster"] == predicted(line, [each["profile"][name] for name in line["features"]])
                assert each["segment"] == predicted(profile, [each["profile"][name] for name in profile["features"]])
                assert each["cluster_name"] in {cluster["name"] for cluster in line["clusters"]}


@pytest.mark.parametrize("number", [1, 2])
def test_sparks_own_pipeline_and_the_formula_place_every_row_alike(
    scheduled: Scheduled, spark: SparkSession, number: int
) -> None:
    sold = islice(retail_data.rows(7), 2 * ROWS)
    requests = points(spark, [(float(str(line["Quantity"])), float(str(line["UnitPrice"]))) for line in sold]).persist()
    for view in models.VIEWS:
        facts = scheduled.shop.facts(number)["views"][view]["line"]
        pipeline = PipelineModel.load(str(scheduled.shop.models / f"kmeans_model_{number}" / "spark" / f"{view}-line"))
        placed = pipeline.transform(requests).select("cluster", *LINE).collect()
        assert len(placed) == 2 * ROWS
        assert [line for line in placed if line["cluster"] != predicted(facts, line[1:])] == []


@pytest.fixture
def ask(scheduled: Scheduled) -> Iterator[Ask]:
    """The server on that home: posts a body to a route, and returns its answer."""
    port = free_port()
    server = python(scheduled.shop.broker, "-m", "server", "--port", str(port))

    def post(route: str, body: Any) -> Any:
        sent = Request(
            f"http://127.0.0.1:{port}{route}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(sent, timeout=30) as answer:
            return json.load(answer)

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as ready:
                return bool(ready.status == 200)
        except URLError:
            return False

    try:
        until(answers, "the server")
        yield post
    finally:
        server.terminate()
        words(server)


def names_of(model: Path, view: str) -> dict[int, str]:
    found = json.loads((model / "model.json").read_text())
    return {each["cluster"]: each["name"] for each in found["views"][view]["line"]["clusters"]}


def requests_of(rows: pa.Table, kind: str, number: str) -> list[dict[str, Any]]:
    ids = {
        "customer": [17850] * rows.num_rows,
        "product": rows["stock_code"].to_pylist(),
        "country": rows["country"].to_pylist(),
    }
    return [
        {"model_number": number, ID_FIELDS[kind]: key, "Quantity": quantity, "UnitPrice": price}
        for key, quantity, price in zip(
            ids[kind], rows["quantity"].to_pylist(), rows["unit_price"].to_pylist(), strict=True
        )
    ]


def test_the_server_answers_as_spark_does_for_every_row_by_model_1_2_and_champion(
    scheduled: Scheduled, ask: Ask, spark: SparkSession
) -> None:
    shop = scheduled.shop
    champion = shop.champion()
    rows = table(shop.broker, "tables/retail").select(["stock_code", "country", "quantity", "unit_price"])
    rows = rows.combine_chunks()
    assert rows.num_rows == 2 * ROWS
    lines = spark.createDataFrame(rows)
    for number in ("1", "2"):
        for kind, view in VIEWS.items():
            folder = shop.models / f"kmeans_model_{number}" / "spark" / f"{view}-line"
            placed = PipelineModel.load(str(folder)).transform(lines).select("cluster").toArrow()["cluster"].to_pylist()
            requests = requests_of(rows, kind, number)
            answers = [
                answer
                for first in range(0, len(requests), LIST_ROWS)
                for answer in ask(f"/cluster-{kind}", requests[first : first + LIST_ROWS])
            ]
            names = names_of(shop.models / f"kmeans_model_{number}", view)
            assert answers == [
                {**sent, "cluster": cluster, "cluster_name": names[cluster]}
                for sent, cluster in zip(requests, placed, strict=True)
            ]

    seed = {"model_number": "1", "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}
    by_number = {number: ask("/cluster-customer", {**seed, "model_number": number}) for number in ("1", "2", champion)}
    unnamed = ask("/cluster-customer", {key: value for key, value in seed.items() if key != "model_number"})
    assert unnamed == {**by_number[champion], "model_number": str(champion)}


def training(job: "subprocess.Popen[str]") -> list[int]:
    """Return the processes of a job: the driver's JVM, and its Python."""
    found = subprocess.run(["pgrep", "-P", str(job.pid)], capture_output=True, text=True, check=False)
    return [job.pid, *map(int, found.stdout.split())]


def test_a_killed_training_leaves_no_model_and_a_worse_one_is_kept_but_not_promoted(scheduled: Scheduled) -> None:
    shop = scheduled.shop
    before, champion = shop.names(), shop.champion()
    job = submit(shop.broker, "retail_train", *options(k_min="6", k_max="6"))
    try:
        until(lambda: job.poll() is not None or (shop.models / ".draft-3").exists(), "a model on its way to disk", LONG)
        for pid in training(job):
            kill(pid)
    finally:
        words(job)
    assert shop.names() == [".draft-3", *before]

    job = submit(shop.broker, "retail_train", *options(k_min="6", k_max="6"))
    until(lambda: job.poll() is not None, "the third model", LONG)
    said = words(job)
    assert job.returncode == 0, said
    assert shop.names() == sorted([*before, "kmeans_model_3"])
    assert [shop.is_whole(number) for number in (1, 2, 3)] == [True] * 3
    decided = shop.facts(3)["promotion"]
    ours, theirs = decided["score"], decided["champion_score"]
    assert ours < theirs
    assert decided == {
        "promoted": False,
        "score": ours,
        "champion": champion,
        "champion_score": theirs,
        "why": f"mean silhouette {ours:.3f}; model {champion} has {theirs:.3f} on the same points",
    }
    assert decided["why"] in said
    assert "writing           model 3, not promoted" in said
    assert shop.champion() == champion


def test_too_few_rows_are_told_in_one_line_and_make_no_model(tmp_path: Path) -> None:
    home = Broker(tmp_path, "localhost:1")
    sell(home, 0, 400)
    job = submit(home, "retail_train", *options())
    said = words(job)
    assert job.returncode == 1
    (line,) = [line for line in said.splitlines() if line.startswith("arus:")]
    assert line.endswith(" usable rows, spark.arus.min-rows is 500: too few yet")
    assert "Traceback" not in said
    assert not (tmp_path / "models").exists()
