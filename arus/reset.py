"""python -m arus reset JOB: move a job's checkpoint, tables and rejects aside: it starts afresh. Nothing is deleted."""

import argparse
import fcntl
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from arus import home, locks, schemas, submit
from arus.errors import ArusError

UNFINISHED = ".unfinished"


def places(job: str, store: Path) -> dict[str, Path]:
    """Return where a job keeps things, by the place they get in the folder of the reset, in the order to move them.

    The checkpoint goes first: cut short after it, the job refuses to start beside its old tables. Without the tables
    but with the checkpoint it would start, and never read again what they held.
    """
    tables = [f"tables/{table}" for table in schemas.entry(job).tables]
    in_store = [f"checkpoints/{job}", *tables, f"rejects/{job}"]
    in_home = [f"run/{job}.status.json", f"run/{job}.board.json", f"run/{job}.counts.json", f"run/replayed/{job}.jsonl"]
    return {place: store / place for place in in_store} | {place: home.home() / place for place in in_home}


def move(job: str, store: Path) -> Path:
    """Move aside whatever is there; return the folder that has it now.

    A reset that was cut short left its folder unfinished: this one puts the rest there too.
    """
    found = {place: path for place, path in places(job, store).items() if path.exists()}
    name = f"{job}-{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%fZ}"
    # Where the job ran again since it was cut short, there are two of the same: they do not go into one folder.
    fitting = (old for old in _unfinished(job, store) if not any((old / place).exists() for place in found))
    unfinished = next(fitting, store / "reset" / (name + UNFINISHED))
    for place, path in found.items():
        _move(path, unfinished / place)
        print(f"moved {path}")
    return unfinished.rename(unfinished.with_name(unfinished.name.removesuffix(UNFINISHED)))


def _unfinished(job: str, store: Path) -> Iterator[Path]:
    return (store / "reset").glob(f"{job}-*{UNFINISHED}")


def _move(path: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            path.rename(target)
        else:
            # ARUS_HOME, where these files are, may be on another disk than the store.
            shutil.move(path, target)
    except OSError as error:
        raise ArusError(f"cannot move {path} to {target} ({error.strerror}): mend that, then run this again") from error


@contextmanager
def _kept_from_starting(job: str) -> Iterator[None]:
    """Hold the job's own lock meanwhile; ArusError where the job runs."""
    path = locks.path_of(f"checkpoints/{job}")
    with path.open("a+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ArusError(f"{locks.holder(path)} is running: stop it first, then run this again") from None
        since = datetime.now(timezone.utc).isoformat(timespec="seconds")
        file.truncate(0)
        file.write(json.dumps({"job": f"reset {job}", "pid": os.getpid(), "since": since}))
        file.flush()
        yield


def _agreed(job: str, found: list[Path]) -> bool:
    if not sys.stdin.isatty():
        raise ArusError(f"there is no terminal to ask on: run python -m arus reset {job} --yes")
    print("\n".join([f"{job} would start afresh; these would be moved aside, not deleted:", *map(str, found)]))
    return input("Move them? [y/N] ").strip().lower() in {"y", "yes"}


def reset(job: str, yes: bool) -> int:
    """Move aside what the job has made and say how to get it back; return 1 if the user does not agree."""
    store = home.local_store()
    if store is None:
        raise ArusError(
            f"ARUS_STORE={home.store()} is a URI: move the job's folders there with that storage's own tools"
        )
    # Says so where ARUS_HOME cannot be used.
    home.run()
    with _kept_from_starting(job):
        found = [path for path in places(job, store).values() if path.exists()]
        if not found and not any(_unfinished(job, store)):
            print(f"there is nothing of {job} in {store}: it starts afresh as it is")
            return 0
        if not yes and not _agreed(job, found):
            print("nothing was moved")
            return 1
        folder = move(job, store)
    print(f"to {folder}: {job} starts afresh. To get it back, with the job stopped (and reset again, if it ran since):")
    for place, path in places(job, store).items():
        if (folder / place).exists():
            print(f"  mv {shlex.quote(str(folder / place))} {shlex.quote(str(path))}")
    return 0


def main(argv: list[str]) -> int:
    """Reset one job; exit code 0 if it starts afresh from now on."""
    jobs = sorted(schemas.JOBS.keys() | submit.job_names())
    parser = argparse.ArgumentParser(prog="python -m arus reset", description=__doc__)
    parser.add_argument("job", help=f"the job that is to start afresh: {', '.join(jobs)}")
    parser.add_argument("--yes", action="store_true", help="move them without asking first")
    options = parser.parse_args(argv)
    if options.job not in jobs:
        raise ArusError(f"no job '{options.job}'; the jobs are: {', '.join(jobs)}")
    return reset(options.job, options.yes)
