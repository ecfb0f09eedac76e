"""A home with a table of sales, and the training that the end-to-end tests run on it."""

import json
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from arus import models
from producers import retail_data
from tests.arus.delta_tables import append
from tests.arus.retail_rows import row
from tests.conftest import Broker

ROWS = 3_000
# Seconds that a training may take on a machine that has other things to do.
LONG = 600.0
SETTINGS = {"seeds": "1", "k-max": "3", "min-rows": "500"}
Files = dict[str, tuple[bytes, int]]


def options(**changes: str) -> list[str]:
    given = SETTINGS | {name.replace("_", "-"): value for name, value in changes.items()}
    conf = [option for name, value in given.items() for option in ("--conf", f"spark.arus.{name}={value}")]
    return ["--driver-java-options", "-XX:TieredStopAtLevel=1", *conf]


def sell(home: Broker, first: int, count: int) -> None:
    """Append rows to tables/retail, as retail_ingest would have."""
    rows = []
    for number, sold in enumerate(islice(retail_data.rows(7), first, first + count), first):
        date = datetime.fromisoformat(str(sold["InvoiceDate"])).replace(tzinfo=timezone.utc)
        customer = sold["CustomerID"]
        rows.append(
            row(
                str(sold["InvoiceNo"]),
                str(sold["StockCode"]),
                description=sold["Description"],
                quantity=sold["Quantity"],
                invoice_date=date,
                unit_price=sold["UnitPrice"],
                customer_id=customer if customer is None else int(float(str(customer))),
                country=sold["Country"],
                offset=number,
            )
        )
    append(home.home, "retail", rows)


def content(folder: Path) -> Files:
    """Return every file of a folder, with what is in it and when it was last changed."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@dataclass(frozen=True)
class Shop:
    """A home with a table of sales, and its models."""

    broker: Broker

    @property
    def models(self) -> Path:
        return self.broker.home / "models"

    def names(self) -> list[str]:
        return sorted(path.name for path in self.models.iterdir())

    def facts(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.models / f"kmeans_model_{number}" / models.MODEL).read_bytes())
        return found

    def champion(self) -> int:
        return int(json.loads((self.models / models.CHAMPION).read_bytes())["model_number"])

    def is_whole(self, number: int) -> bool:
        """Return whether sha256sum finds every file of a model as it was written."""
        command = ["sha256sum", "-c", "--strict", "--quiet", models.SUMS]
        folder = self.models / f"kmeans_model_{number}"
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0

    def has_settled(self, number: int) -> bool:
        """Return whether the model is there, and is the champion if it says so."""
        if not (self.models / f"kmeans_model_{number}").exists():
            return False
        return not self.facts(number)["promotion"]["promoted"] or self.champion() == number


@dataclass(frozen=True)
class Scheduled:
    """What a scheduled training left: two models, the first as it was before the second; what was said."""

    shop: Shop
    first: Files
    refused: tuple[int, str]
    said: str
    # What `status` said of it while it made the first model, and when it had ended.
    training: str
    ended: str
