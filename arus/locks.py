"""One writer for each table and checkpoint, by operating-system locks that end with the process that holds them.

On a local disk two Delta writers can both report success while one commit is lost (delta-io/delta issue 683). The lock
is taken inside the driver's JVM, because that is the process that writes: however it ends, the lock ends with it, and
never before it.
"""

import fcntl
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arus import home
from arus.base.waiting import wait_aloud
from arus.errors import ArusError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_held: dict[str, Any] = {}


def path_of(name: str) -> Path:
    """Return the lock file of a table or checkpoint, such as `tables/retail`, in its folder."""
    path = _path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _path_of(name: str) -> Path:
    folder = (home.local_store() or home.home()) / "run" / "locks"
    return folder / (name.replace("/", "-") + ".lock")


def hold(spark: "SparkSession", name: str, job: str) -> None:
    """Lock `name` for as long as this driver's JVM lives.

    It waits aloud while another driver, which may be stopping, has it. ArusError says who holds it,
    where that one goes on.
    """
    if name in _held:
        return
    path = path_of(name)
    jvm: Any = spark._jvm
    file = jvm.java.io.RandomAccessFile(str(path), "rw")
    if not wait_aloud(lambda: file.getChannel().tryLock() is not None, f"{holder(path)}, which writes {name}, to stop"):
        raise ArusError(f"{name} is being written by {holder(path)}; one writer for each table: stop that one first")
    file.setLength(0)
    pid = jvm.java.lang.ProcessHandle.current().pid()
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    file.writeBytes(json.dumps({"job": job, "pid": pid, "since": since}))
    _held[name] = file


def holder(path: Path) -> str:
    """Return who holds the lock, in words."""
    try:
        who = json.loads(path.read_text())
    except (OSError, ValueError):
        return "a job that is just starting"
    return f"{who['job']} (pid {who['pid']}, since {who['since']})"


def is_held(name: str) -> bool:
    """Return whether a running job holds the lock of `name`."""
    with path_of(name).open("a+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def runs(job: str) -> bool | None:
    """Return whether a job runs, None where that is not known; nothing is made or written.

    It is not known where the store is a URI, or the lock's file cannot be read or locked.
    """
    if home.local_store() is None:
        return None
    try:
        file = _path_of(f"checkpoints/{job}").open("rb")
    except FileNotFoundError:
        return False
    except OSError:
        return None
    with file:
        try:
            # Shared: two that ask at once do not take each other for the job.
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return True
        except OSError:
            return None
    return False
