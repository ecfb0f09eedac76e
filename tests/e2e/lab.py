"""Run by spark-submit in a job's place: does many short runs of one query in one driver, and prints what came of each.

usage: lab.py replay JOB TIMES | damage JOB
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from arus.errors import ArusError
from arus.job import Job, start
from jobs import retail_ingest, temperature_filter

Damage = Callable[[Path], object]


def newest(folder: Path) -> Path:
    return folder / str(max(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()))


def forget(path: Path) -> None:
    """Remove a file of a checkpoint, and its checksum, which would otherwise speak for it."""
    path.unlink()
    (path.parent / f".{path.name}.crc").unlink(missing_ok=True)


def forget_batches(checkpoint: Path) -> None:
    for log in ("offsets", "commits"):
        shutil.rmtree(checkpoint / log)


def overwrite(path: Path, text: str) -> None:
    path.write_text(text)
    (path.parent / f".{path.name}.crc").unlink(missing_ok=True)


DAMAGES: dict[str, Damage] = {
    "empty newest offsets": lambda checkpoint: overwrite(newest(checkpoint / "offsets"), ""),
    "truncated newest offsets": lambda checkpoint: overwrite(newest(checkpoint / "offsets"), 'v1\n{"batchWater'),
    "newest offsets are of no known version": lambda checkpoint: overwrite(newest(checkpoint / "offsets"), "v9\n{}"),
    "newest offsets gone, commits there": lambda checkpoint: forget(newest(checkpoint / "offsets")),
    "all offsets gone": lambda checkpoint: shutil.rmtree(checkpoint / "offsets"),
    "metadata gone": lambda checkpoint: forget(checkpoint / "metadata"),
    "metadata truncated": lambda checkpoint: overwrite(checkpoint / "metadata", '{"id":'),
    "everything gone": shutil.rmtree,
    "offsets and commits gone": forget_batches,
}


def replay(run: Callable[[], None], checkpoint: Path, times: int) -> None:
    """Make the last batch run again, as after a crash between the write and its commit, many times."""
    run()
    for _ in range(times):
        forget(newest(checkpoint / "commits"))
        run()
        print("RESULT", json.dumps(newest(checkpoint / "commits").name))


def damage(run: Callable[[], None], checkpoint: Path) -> None:
    """Damage the checkpoint in every way, and say how the job answers."""
    run()
    sound = checkpoint.with_name("sound")
    shutil.copytree(checkpoint, sound)
    for name, spoil in DAMAGES.items():
        spoil(checkpoint)
        try:
            run()
            answer = "ran"
        except ArusError as error:
            answer = str(error)
        print("RESULT", json.dumps([name, answer]))
        shutil.rmtree(checkpoint, ignore_errors=True)
        shutil.copytree(sound, checkpoint)


def queries(name: str) -> tuple[Job, Callable[[], None]]:
    if name == "retail_ingest":
        job, retail = start(retail_ingest.Settings)
        return job, lambda: job.run(retail_ingest.query(job, retail))
    job, temperature = start(temperature_filter.Settings)
    return job, lambda: job.run(temperature_filter.queries(job, temperature)[1])


def main() -> None:
    what, name = sys.argv[1:3]
    job, run = queries(name)
    checkpoint = Path(job.checkpoint("tables"))
    if what == "replay":
        replay(run, checkpoint, int(sys.argv[3]))
    else:
        damage(run, checkpoint)


if __name__ == "__main__":
    main()
