"""python -m arus demo: start everything, show alerts and growing tables as they come, and stop it all on Ctrl-C."""

import argparse
import math
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from arus import home, supervision, up
from arus.base.waiting import wait_aloud
from arus.cli import demo_view
from arus.cli.demo_view import SHOWN_ALERTS, View
from arus.kafka.following import following
from arus.local.programs import PIPELINES, SERVER, Pipeline
from arus.ping import addresses, is_open
from arus.producing import at_least
from arus.schemas import PERINGATAN_SUHU

POLL_MS = 200


def show(seconds: float, ctrl_c: str) -> None:
    """Show what happens until `seconds` have passed; Ctrl-C and SIGTERM end it before. `ctrl_c` says what that does."""
    alive = [name for name, program in supervision.programs().items() if program.is_alive]
    jobs = running_jobs(alive)
    print(demo_view.look_further(jobs, SERVER in alive), flush=True)
    view = View(demo_view.row_counts(jobs), ctrl_c)
    deadline = time.monotonic() + seconds
    with following(PERINGATAN_SUHU, from_beginning=False) as consumer:
        for partition in consumer.assignment():
            # The alerts that came during the start-up are worth a look too.
            consumer.seek(partition, max(consumer.position(partition) - SHOWN_ALERTS, 0))
        while time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=POLL_MS).values():
                for record in records:
                    view.add(record)
            if time.monotonic() >= view.due:
                programs = supervision.programs().values()
                jobs = running_jobs([program.name for program in programs if program.is_alive])
                view.show(demo_view.row_counts(jobs), [*demo_view.notes(jobs), *failing_lines()], jobs)


def running_jobs(alive: Sequence[str]) -> list[str]:
    """Return the jobs among the programs that are alive, in the order of the pipelines."""
    return [job for pipeline in PIPELINES for job in pipeline.jobs if job in alive]


def failing_lines() -> list[str]:
    """Return a line for each program that supervisord starts again, or has given up."""
    return [
        f"{program.name} ended ({program.state}): see {supervision.logs_of(program.name)}"
        for program in supervision.programs().values()
        if program.is_failing
    ]


@contextmanager
def stopped_at_the_end(was_running: bool) -> Iterator[None]:
    """Stop in order what was started when the block ends, or is ended by Ctrl-C or SIGTERM; what ran before runs on."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        print()
    except supervision.GONE:
        if supervision.running_pid() is not None:
            raise
        print("what ran here was stopped from elsewhere", flush=True)
    finally:
        for number in handlers:
            signal.signal(number, signal.SIG_IGN)
        _stop_or_leave(was_running)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _stop_or_leave(was_running: bool) -> None:
    is_running = supervision.running_pid() is not None
    if is_running and was_running:
        print("left running: `make down` stops it", flush=True)
    elif is_running:
        print("stopping:", flush=True)
        supervision.stop(up.say_stopped)
        print("stopped; the next start continues where this one stopped", flush=True)


def say_only_looking(pid: int, asked_for: Sequence[Pipeline]) -> None:
    """Say that nothing is started beside what runs already, and how what was asked for could be."""
    print(f"already running here (pid {pid}): only looking; Ctrl-C leaves it running, `make down` stops it")
    there = supervision.programs()
    alive = {name for name, program in there.items() if program.is_alive}
    if missing := [pipeline.name for pipeline in asked_for if pipeline.job not in alive]:
        options = " ".join(f"--only {name}" for name in missing)
        print(f'not running: {", ".join(missing)}; `make up ARGS="{options}"` starts that beside it', flush=True)


def main(argv: list[str]) -> int:
    """Run the demo until Ctrl-C, SIGTERM or `--seconds`; exit code 0 if everything started and stopped."""
    parser = argparse.ArgumentParser(prog="python -m arus demo", description=__doc__)
    parser.add_argument(
        "--seconds", type=at_least(0), default=math.inf, help="stop after showing it for so long (default: never)"
    )
    options, pipelines = up.chosen(parser, argv)
    # Before all else: a demo that may not show what runs must not stop it either.
    up.refuse_other_address()
    pid = supervision.running_pid()
    if pid is None:
        up.refuse_missing(options.serves)
        before = up.row_counts(pipelines)
        up.say_where_it_goes_on(before)
    with stopped_at_the_end(pid is not None):
        if pid is not None:
            say_only_looking(pid, pipelines)
            # The demo that runs may be about to start its broker.
            wait_aloud(lambda: any(map(is_open, addresses())), f"Kafka at {home.bootstrap_servers()}")
            show(options.seconds, "Ctrl-C ends the look")
        else:
            begun = up.bring_up(options.serves)
            if missing := up.start_pipelines(pipelines, begun, before):
                print(missing, file=sys.stderr, flush=True)
            show(options.seconds, "Ctrl-C stops it")
    return 0
