"""Run by spark-submit in a job's place: does many short runs of one query in one driver, and prints what came of each.

usage: lab.py replay JOB TIMES | damage JOB | die-between-commits JOB | let-tasks-die JOB
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import TaskContext

from arus.errors import ArusError
from arus.job import Job, start
from arus.streaming import arrow_sink, task_rows
from arus.streaming.table_writer import TableWriter
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
    thresholds = temperature_filter.Thresholds(temperature.threshold_celsius, {})
    return job, lambda: job.run(temperature_filter.tables_query(job, temperature, thresholds))


def die_between_commits(run: Callable[[], None]) -> None:
    """Kill this driver when the first table has the batch and the second has not."""
    append = TableWriter.append
    calls: list[TableWriter] = []

    def appended(self: TableWriter, *args: Any) -> bool:
        if calls:
            for pid in (os.getppid(), os.getpid()):  # The JVM, and its Python.
                os.kill(pid, signal.SIGKILL)
        calls.append(self)
        return append(self, *args)

    TableWriter.append = appended  # type: ignore[method-assign, assignment]
    run()


def dying_task(batches: Iterator[pa.RecordBatch], **given: Any) -> Iterator[pa.RecordBatch]:
    """Do what a task does, and at the first try die when its files are written and nobody knows of them."""
    task_rows.FEW_BYTES = 0
    results = [*task_rows.task_rows(batches, **given)]
    context = TaskContext.get()
    if context and context.attemptNumber() == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from results


def let_tasks_die(run: Callable[[], None]) -> None:
    """Let each task's worker die once between writing its files and returning; Spark tries the task again."""
    arrow_sink.task_rows = dying_task  # type: ignore[attr-defined, assignment]
    run()


def main() -> None:
    what, name = sys.argv[1:3]
    job, run = queries(name)
    checkpoint = Path(job.checkpoint("tables"))
    if what == "replay":
        replay(run, checkpoint, int(sys.argv[3]))
    elif what == "damage":
        damage(run, checkpoint)
    else:
        {"die-between-commits": die_between_commits, "let-tasks-die": let_tasks_die}[what](run)


if __name__ == "__main__":
    main()
