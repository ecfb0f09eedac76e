"""Models that change under load."""

import http.client
import json
import shutil
import threading
from pathlib import Path

import pytest

from arus import models
from tests.server import sample
from tests.server.running import PATIENCE_SECONDS, Running

ASKED = {"CustomerID": 17850, "Quantity": 10, "UnitPrice": 5.0}


class Load:
    """Clients that ask all the time, and what they were answered."""

    def __init__(self, server: Running, clients: int = 3) -> None:
        self.server, self.enough = server, threading.Event()
        self.failed: list[object] = []
        self.answered = 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_SECONDS)
        body, headers = json.dumps([ASKED] * 5), {"Content-Type": "application/json"}
        while not self.enough.is_set():
            try:
                connection.request("POST", "/cluster-customer", body, headers)
                response = connection.getresponse()
                answers = json.loads(response.read())
                # Model N calls its clusters 10 N, 10 N + 1, 10 N + 2; the middle one is the nearest.
                of_one = {(row["model_number"], row["cluster"]) for row in answers}
                right = {(row["model_number"], 10 * int(row["model_number"]) + 1) for row in answers[:1]}
                wrong = None if response.status == 200 and of_one == right else answers
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                wrong = error
            with self.lock:
                self.answered += 1
                if wrong is not None:
                    self.failed.append(wrong)
        connection.close()

    def stop(self) -> None:
        self.enough.set()
        for thread in self.threads:
            thread.join()


def write_numbered(number: int) -> None:
    sample.write_model(number, (10 * number, 10 * number + 1, 10 * number + 2))
    models.promote(number)


def swap(store: Path, swaps: int) -> None:
    """Let one model after the other win, each time once both workers have the last one, while clients ask."""
    assert store
    write_numbered(1)
    server = Running()
    load = Load(server)
    try:
        for number in range(2, swaps + 2):
            write_numbered(number)
            if number > 3:
                shutil.rmtree(models.path_of(number - 2))
            server.wait_until("/readyz", f'"champion":{number},')
    finally:
        load.stop()
        code = server.stop()
    assert load.failed == []
    assert load.answered > swaps
    assert code == 0


def test_models_change_under_load_without_a_failed_request(store: Path) -> None:
    swap(store, 10)


@pytest.mark.long
def test_two_hundred_models_change_under_load_without_a_failed_request(store: Path) -> None:
    swap(store, 200)
