"""Whether the job that resizes runs: without it an upload waits, and no page may say "in a moment"."""

from arus import locks
from server import store

JOB = "image_resize"
NOT_RUNNING = f"the job {JOB} is not running: ./spark-submit.sh {JOB} starts it"
# A page that waits for a job to be started need not look often.
STALLED_REFRESH_SECONDS = 10


def stalled() -> str | None:
    """Return what to do where the job does not run, None where it runs or nothing is known of it."""
    return NOT_RUNNING if locks.runs(JOB) is False else None


def is_of_use() -> bool:
    """Return whether there is something to see at /upload: the job may be at work, or uploads are there."""
    return stalled() is None or store.has_uploads()
