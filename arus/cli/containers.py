"""python -m arus containers: run docker-compose.yml, see that all is healthy and nothing lost. --down takes it down."""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

from arus.base.waiting import wait_aloud
from arus.errors import ArusError
from arus.local import containers as engine
from arus.progress import said_if_slow
from arus.schemas import JOBS

# From nothing to healthy, and on to rows in each table, on two busy cores.
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 2.0
LOOKS_IN_A_ROW = 4
# Tables that have rows once their producers run: an alert, an upload and the like must first happen.
FIRST_TABLES = [next(iter(job.tables)) for job in JOBS.values() if job.producer and job.has_service]


def bring_up(workers: int) -> None:
    """Start all services and wait until they are healthy, with a line on each; ArusError names what is not."""
    has = engine.engine()
    engine.refuse_too_little(has)
    print(f"engine {has.version}, Compose {has.compose}: {engine.room(has)}", flush=True)
    engine.refuse_taken_ports()
    if engine.ensure_token():
        print("made a token for the web server: ARUS_SERVER_TOKEN in .env", flush=True)
    with said_if_slow("building the image: the first time two to six minutes, later only what has changed ..."):
        engine.build()
    with said_if_slow("starting the services, each when those before it are healthy: about a minute ..."):
        engine.compose("up", "--detach", "--scale", f"spark-worker={workers}")
    begun = time.monotonic()
    _await_health()
    found = engine.containers()
    healthy = sum(one.health == "healthy" for one in found)
    running = sum(one.state == "running" for one in found)
    print(f"{running} containers run, {healthy} of them have a health check and are healthy", flush=True)
    _await_rows(begun)


def _await_rows(begun: float) -> None:
    """Wait until the tables have rows, with a line on each."""
    seen: set[str] = set()

    def have_rows() -> bool:
        for table in _tables():
            if table["rows"] and table["name"] in FIRST_TABLES and table["name"] not in seen:
                seen.add(table["name"])
                print(f"  {table['name']:<20} first rows after {time.monotonic() - begun:.0f} s", flush=True)
        return seen.issuperset(FIRST_TABLES)

    _until(have_rows, "the first rows", lambda: ", ".join(sorted(set(FIRST_TABLES) - seen)))


def _tables() -> list[dict[str, Any]]:
    """Return the tables in figures; none while one of them is just being made."""
    try:
        return list(json.loads(engine.arus("tables", "--json")))
    except (ArusError, ValueError):
        return []


def _await_health() -> None:
    """Wait until all is good, in a row of looks: one that fails and is started again seems so for a moment."""
    goods = 0

    def are_good_for_long() -> bool:
        nonlocal goods
        goods = goods + 1 if all(one.is_good for one in engine.containers()) else 0
        return goods >= LOOKS_IN_A_ROW

    _until(are_good_for_long, "all services to be healthy", _what_is_not)


def _what_is_not() -> str:
    """Return which services are not good, each with the last line of its log."""
    return "; ".join(
        f"{one.service} is {one.health or one.state}: {engine.last_line(one.service)}"
        for one in engine.containers()
        if not one.is_good
    )


def _until(is_so: Callable[[], bool], what: str, lacks: Callable[[], str]) -> None:
    if not wait_aloud(is_so, what, patience=PATIENCE_SECONDS, look_seconds=LOOK_SECONDS):
        raise ArusError(f"waited {PATIENCE_SECONDS:.0f} s in vain for {what}: {lacks()}")


def show_addresses() -> None:
    print(f"web server    http://127.0.0.1:{engine.port('server')}   (the token of .env is the password)")
    print(f"Spark master  http://127.0.0.1:{engine.port('spark-master')}")
    print(f"Kafka         localhost:{engine.port('kafka')}")
    print("look          docker compose ps | logs SERVICE | run --rm topics python -m arus status")
    print("stop          make containers ARGS=--down   (tables and topics stay in their volumes)")


def take_down() -> None:
    """Stop all services, in order; named volumes stay, those of containers go."""
    engine.engine()
    with said_if_slow("stopping the services: half a minute ..."):
        engine.compose("rm", "--stop", "--force", "--volumes")
        engine.compose("down", "--remove-orphans")
    print("all is down; tables and topics stay: `docker compose down --volumes` removes them, with all data")


def main(argv: list[str]) -> int:
    """Bring the services up, or take them down; exit code 1 where something is unhealthy, missing or there twice."""
    parser = argparse.ArgumentParser(prog="python -m arus containers", description=__doc__)
    parser.add_argument("--down", action="store_true", help="stop all services; tables and topics stay")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="Spark workers (default: 1)")
    options = parser.parse_args(argv)
    if options.down:
        take_down()
        return 0
    bring_up(options.workers)
    code = engine.shown_arus("tables", "check")
    show_addresses()
    return code
