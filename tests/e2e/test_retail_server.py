"""The server on the models of a scheduled training: it answers for every row as Spark does."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pyarrow as pa
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from tests.conftest import free_port
from tests.e2e.shop import ROWS, Scheduled
from tests.e2e.support import python, table, until, words

pytestmark = pytest.mark.e2e

LIST_ROWS = 1000
ID_FIELDS = {"customer": "CustomerID", "product": "StockCode", "country": "Country"}
VIEWS = {"customer": "customers", "product": "products", "country": "countries"}
Ask = Callable[[str, Any], Any]


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
            assert answers == [{**sent, "cluster": cluster} for sent, cluster in zip(requests, placed, strict=True)]

    seed = {"model_number": "1", "CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}
    by_number = {number: ask("/cluster-customer", {**seed, "model_number": number}) for number in ("1", "2", champion)}
    unnamed = ask("/cluster-customer", {key: value for key, value in seed.items() if key != "model_number"})
    assert unnamed == {**by_number[champion], "model_number": str(champion)}
