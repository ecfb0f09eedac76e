"""The peers of the server: serving_peer.py empty|spark.

empty: a route that reads a JSON body and answers with a small one, under the server's own gunicorn settings.
spark: a prediction as people serve a Spark model today: the pipeline that Spark saved is loaded once, and each request
becomes a data frame of one row that goes through it, under Flask's own server.
"""

import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from flask import Flask, request
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from werkzeug.serving import make_server

from server.__main__ import listen, url_of
from server.serving import Server

WORKERS = 2
THREADS = 4
FEATURES = ["Quantity", "UnitPrice"]
TRAINED_ROWS = 4000
CLUSTERS = 5


class EmptyServer(Server):
    """The server with another application: the same sockets, workers, threads and limits."""

    def load(self) -> Flask:
        app = Flask(__name__)

        @app.post("/cluster-customer")
        def empty() -> dict[str, Any]:
            request.get_json()
            return {"cluster": 2}

        return app


def serve_empty(listener: socket.socket) -> None:
    print(url_of(listener), flush=True)
    EmptyServer(listener.detach(), WORKERS, THREADS, None, None).run()


def saved_pipeline(spark: SparkSession, folder: Path) -> str:
    """Train and save a k-means pipeline on the two features of a request; return where it is."""
    lines = spark.range(TRAINED_ROWS).select(
        (1 + F.floor(F.rand(1) * 50)).cast("double").alias(FEATURES[0]), (F.rand(2) * 20).alias(FEATURES[1])
    )
    assembler = VectorAssembler(inputCols=FEATURES, outputCol="raw")
    scaler = StandardScaler(inputCol="raw", outputCol="features", withMean=True)
    path = str(folder / "pipeline")
    Pipeline(stages=[assembler, scaler, KMeans(k=CLUSTERS, seed=1)]).fit(lines).save(path)
    return path


def serve_spark(listener: socket.socket) -> None:
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        model = PipelineModel.load(saved_pipeline(spark, Path(folder)))
    app = Flask(__name__)

    @app.post("/cluster-customer")
    def cluster_customer() -> dict[str, Any]:
        asked = request.get_json()
        row = spark.createDataFrame([(float(asked["Quantity"]), float(asked["UnitPrice"]))], FEATURES)
        return {**asked, "cluster": model.transform(row).collect()[0]["prediction"]}

    host, port = listener.getsockname()
    server = make_server(host, port, app, threaded=True, fd=listener.fileno())
    print(url_of(listener), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    {"empty": serve_empty, "spark": serve_spark}[sys.argv[1]](listen(socket.AF_INET, ("127.0.0.1", 0)))
