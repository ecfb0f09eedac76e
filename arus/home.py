"""Where Arus keeps what running makes."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from arus.errors import ArusError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_BOOTSTRAP = "localhost:9092"


def home() -> Path:
    """Return the folder of everything that running makes: ARUS_HOME, by default `data/` beside the code."""
    return Path(os.environ.get("ARUS_HOME") or ROOT / "data").absolute()


def store() -> str:
    """Return the absolute path or URI under which tables, checkpoints and rejects live: ARUS_STORE, else ARUS_HOME."""
    given = os.environ.get("ARUS_STORE") or str(home())
    if given.startswith("file:"):
        given = unquote(urlsplit(given).path)
    return given.rstrip("/") if "://" in given else str(Path(given).absolute())


def local_store() -> Path | None:
    """Return the store as a local folder, or None where it is a URI of another file system."""
    return None if "://" in store() else Path(store())


def logs() -> Path:
    return _made(home() / "logs")


def run() -> Path:
    """Return the folder of pid files, locks and status files."""
    return _made(home() / "run")


def bootstrap_servers() -> str:
    """Return the Kafka addresses: KAFKA_BOOTSTRAP_SERVERS, by default a broker on this machine."""
    return os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or DEFAULT_BOOTSTRAP


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArusError(f"ARUS_HOME={home()} cannot be used: {error.strerror} ({error.filename})") from error
    return folder
