"""python -m arus up: start the broker, the jobs and their producers in order, and leave them running."""

import argparse
import shutil
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from arus import broker, delta_files, home, java, supervision, topics
from arus.errors import ArusError
from arus.local.programs import BROKER, PIPELINES, SERVER, Pipeline
from arus.ping import embedded_address, is_kafka, is_ready
from arus.schemas import JOBS
from arus.supervision import Program
from arus.text import number_of

# Three JVMs that start on two busy cores have taken over two minutes.
FIRST_ROWS_SECONDS = 300.0
POLL_SECONDS = 0.5
REPORT_SECONDS = 5.0
NAME_WIDTH = 12


def say(step: str, text: str, seconds: float) -> None:
    print(f"  {step:<{NAME_WIDTH}}{text}  ({seconds:.1f} s)", flush=True)


def say_stopped(names: str, seconds: float) -> None:
    say("stopped", names, seconds)


def bring_up(serves: bool = True) -> list[Program]:
    """Start broker, topics and server where they do not run yet, and return what began; if one fails, stop them all."""
    with stopping_on_error(_ensure_supervisord()):
        begun = _ensure_broker()
        clock = time.monotonic()
        made = [line for line in topics.create() if "exists" not in line]
        say("topics", f"{number_of(len(made), 'topic')} made" if made else "all there", time.monotonic() - clock)
        started = _start([SERVER]) if serves else []
    return [*begun, *started]


def refuse_missing(serves: bool) -> None:
    """Raise ArusError where something is missing, or the server's port is taken, before anything is begun or said."""
    java.find_java()
    if not any((home.ROOT / ".jars" / "spark").glob("*.jar")):
        raise ArusError("no jars in .jars/spark: run `make setup`")
    _refuse_taken_port(serves)


def start_pipelines(pipelines: Sequence[Pipeline], begun: list[Program], before: dict[str, int]) -> str | None:
    """Start the pipelines and wait for their rows, then all that can wait; add what began to `begun`.

    More JVMs at once would make the first rows late on two cores. Returns a line on the tables that got none in time.
    """
    first = [pipeline for pipeline in pipelines if not pipeline.is_extra] or pipelines
    missing = None
    if started := _start([name for pipeline in first for name in pipeline.first]):
        begun += started
        missing = wait_for_rows(first, begun, before)
    waiting = [name for pipeline in pipelines if pipeline not in first for name in pipeline.first]
    begun += _start([*waiting, *(name for pipeline in pipelines for name in pipeline.later)])
    return missing


def _start(names: list[str]) -> list[Program]:
    """Start those that do not run, and return them."""
    clock = time.monotonic()
    if started := supervision.start(names):
        say("starting", ", ".join(program.name for program in started), time.monotonic() - clock)
    return started


def _refuse_taken_port(serves: bool) -> None:
    """Raise ArusError where another program has the web server's port, before anything is started."""
    if not serves or (supervision.running_pid() is not None and supervision.programs()[SERVER].is_alive):
        return
    host, port = home.server_host(), home.server_port()
    with socket.socket() as probe:
        probe.settimeout(1.0)
        if port.isdecimal() and probe.connect_ex((host, int(port))) == 0:
            raise ArusError(
                f"another program has the web server's port {port}: ARUS_SERVER_PORT=5001 chooses another one, "
                "and --without server leaves the server out"
            )


@contextmanager
def stopping_on_error(began_it: bool) -> Iterator[None]:
    """Stop everything again where an error or Ctrl-C ends a start-up, if this very command began it."""
    try:
        yield
    except BaseException:
        if began_it:
            supervision.stop(say_stopped)
        raise


def refuse_other_address() -> None:
    """Raise ArusError where what runs in this home was started for another Kafka than the one asked for now."""
    if supervision.running_pid() is None:
        return
    if (address := supervision.kafka_address()) != home.bootstrap_servers():
        raise ArusError(
            f"what runs in {home.home()} was started with KAFKA_BOOTSTRAP_SERVERS={address}, "
            f"not {home.bootstrap_servers()}: set that one, or stop it with `python -m arus down`"
        )


def _ensure_supervisord() -> bool:
    """Return whether it had to be started."""
    if supervision.running_pid() is not None:
        return False
    clock = time.monotonic()
    say("supervisord", f"pid {supervision.launch()}", time.monotonic() - clock)
    return True


def _ensure_broker() -> list[Program]:
    """Return the broker if it had to be started; a Kafka that answers already is used as it is."""
    clock, address = time.monotonic(), embedded_address()
    runs_already = broker.own_pid() is None and address is not None and is_kafka(address)
    if address is None or runs_already:
        say(BROKER, f"the Kafka at {home.bootstrap_servers()} is used as it is", time.monotonic() - clock)
        return []
    begun = _start([BROKER]) if broker.own_pid() is None else []
    while not (is_ready(address) and broker.own_pid()):
        refuse_failing(begun)
        if time.monotonic() > clock + broker.START_SECONDS:
            raise ArusError(f"no answer from the broker at {address}: see {home.logs() / 'broker.log'}")
        time.sleep(0.1)
    say(BROKER, f"answers at {address}, pid {broker.own_pid()}", time.monotonic() - clock)
    return begun


def refuse_failing(begun: Iterable[Program]) -> None:
    """Show the last lines of a program that has ended since it began, started again or not, and raise ArusError."""
    there = supervision.programs()
    for name, pid in [(program.name, program.pid) for program in begun]:
        if there[name].is_failing or there[name].pid != pid:
            print(*(f"    | {line}" for line in supervision.last_lines(name)), sep="\n", file=sys.stderr)
            raise ArusError(
                f"{name} ended as it started; its last lines are above, all of them in {supervision.logs_of(name)}"
            )


def row_counts(pipelines: Sequence[Pipeline]) -> dict[str, int]:
    """Return the rows of each table that the pipelines fill; 0 where it is not there yet."""
    return {table: delta_files.summary(table).rows for pipeline in pipelines for table in JOBS[pipeline.job].tables}


def say_where_it_goes_on(counts: dict[str, int]) -> None:
    """Say what is there from before: every job continues where it stopped."""
    if any(counts.values()):
        told = ", ".join(f"{table} has {number_of(rows, 'row')}" for table, rows in counts.items())
        print(f"continuing: {told}", flush=True)


def wait_for_rows(pipelines: Sequence[Pipeline], begun: list[Program], before: dict[str, int]) -> str | None:
    """Wait, showing what for, until each table has new rows; return a line on those that got none in time."""
    clock = reported = time.monotonic()
    while True:
        refuse_failing(begun)
        fresh = {table: rows - before[table] for table, rows in row_counts(pipelines).items()}
        seconds = time.monotonic() - clock
        if all(fresh.values()):
            _clear()
            say("first rows", _as_text(fresh), seconds)
            return None
        if seconds > FIRST_ROWS_SECONDS:
            return _what_is_missing(pipelines, fresh)
        if sys.stdout.isatty() or time.monotonic() > reported + REPORT_SECONDS:
            reported = time.monotonic()
            _show_waiting(f"  {'waiting':<{NAME_WIDTH}}{seconds:.0f} s for the first rows: {_as_text(fresh)}")
        time.sleep(POLL_SECONDS)


def _as_text(fresh: dict[str, int]) -> str:
    return ", ".join(f"{table} +{rows:,}" for table, rows in fresh.items())


def _show_waiting(line: str) -> None:
    if sys.stdout.isatty():
        # A line that is wrapped could not be rewritten.
        print(f"\r{line[: shutil.get_terminal_size().columns - 1]}\x1b[K", end="", flush=True)
    else:
        print(line, flush=True)


def _clear() -> None:
    if sys.stdout.isatty():
        print("\r\x1b[K", end="", flush=True)


def _what_is_missing(pipelines: Sequence[Pipeline], fresh: dict[str, int]) -> str:
    _clear()
    jobs = [pipeline.job for pipeline in pipelines if not all(fresh[table] for table in JOBS[pipeline.job].tables)]
    empty = ", ".join(table for table, rows in fresh.items() if not rows)
    logs = ", ".join(supervision.logs_of(job) for job in jobs)
    return f"no new rows in {empty} after {FIRST_ROWS_SECONDS:.0f} s: see {logs}; what was started runs on"


def chosen(parser: argparse.ArgumentParser, argv: list[str]) -> tuple[argparse.Namespace, list[Pipeline]]:
    """Return the options, `serves` among them, and the pipelines that they leave."""
    names = [pipeline.name for pipeline in PIPELINES]
    extra = [pipeline.name for pipeline in PIPELINES if pipeline.is_extra]
    choose = parser.add_argument_group("what to start; each may be given again").add_argument
    choose(
        "--without",
        action="append",
        default=[],
        choices=[*names, SERVER],
        help="leave out a pipeline, or the web server",
    )
    choose("--with", action="append", default=[], choices=extra, dest="extra", help="start it too, after the others")
    choose("--only", action="append", default=[], choices=names, help="start this pipeline, and no other")
    options = parser.parse_args(argv)
    options.serves = SERVER not in options.without
    wanted = [*(options.only or (name for name in names if name not in extra)), *options.extra]
    pipelines = [each for each in PIPELINES if each.name in wanted and each.name not in options.without]
    if not pipelines:
        parser.error("--without leaves nothing to run")
    return options, pipelines


def main(argv: list[str]) -> int:
    """Start everything and wait for its first rows; exit code 1 where they do not come."""
    options, pipelines = chosen(argparse.ArgumentParser(prog="python -m arus up", description=__doc__), argv)
    refuse_other_address()
    was_down = supervision.running_pid() is None
    refuse_missing(options.serves)
    before = row_counts(pipelines)
    if was_down:
        say_where_it_goes_on(before)
    begun = bring_up(options.serves)
    with stopping_on_error(was_down):
        missing = start_pipelines(pipelines, begun, before)
    if missing:
        raise ArusError(missing)
    if not begun:
        print("already up; `python -m arus status` tells how it does, `python -m arus down` stops it")
        return 0
    print("up; `python -m arus status` tells how it does, `python -m arus down` stops it")
    return 0
