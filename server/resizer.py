"""Whether the job that resizes runs: without it no page may say "in a moment"."""

from arus import locks
from server import store

JOB = "image_resize"
NOT_RUNNING = f"the job {JOB} is not running: ./spark-submit.sh {JOB} starts it"
# A page that waits for a job to be started need not look often.
STALLED_REFRESH_SECONDS = 10


def stalled() -> str | None:
    """Return what to do where the job does not run, None where it runs or that is not known."""
    return NOT_RUNNING if locks.runs(JOB) is False else None


def is_of_use() -> bool:
    """Return whether /upload has something to see: the job may run, or uploads are there."""
    return stalled() is None or store.has_uploads()
