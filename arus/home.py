"""Where Arus keeps what running makes."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from arus.errors import ArusError

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_BOOTSTRAP = "localhost:9092"
DEFAULT_SERVER_HOST = "127.0.0.1"
DEFAULT_SERVER_PORT = "5000"


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


def server_host() -> str:
    """Return where the web server listens: ARUS_SERVER_HOST, by default this machine only."""
    return os.environ.get("ARUS_SERVER_HOST") or DEFAULT_SERVER_HOST


def server_port() -> str:
    """Return the web server's port: ARUS_SERVER_PORT, by default 5000."""
    return os.environ.get("ARUS_SERVER_PORT") or DEFAULT_SERVER_PORT


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"{error.strerror} ({error.filename})"
        remedy = "set ARUS_HOME to a folder that can be written to"
        raise ArusError(f"ARUS_HOME={home()} cannot be used: {why}: {remedy}") from error
    return folder
