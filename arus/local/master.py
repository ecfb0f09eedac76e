"""Whether a Spark master can be reached, before a JVM is started that would look for it in silence for a minute."""

import re
import socket
from collections.abc import Sequence

from arus.base.waiting import wait_aloud
from arus.errors import ArusError

CONNECT_SECONDS = 2.0
STANDALONE = "spark://"
UNKNOWN_NAME = "nobody knows the name"


def chosen(options: Sequence[str]) -> str | None:
    """Return the master that spark-submit's options name, or None where they leave it to conf/."""
    master = by_conf = None
    for at, option in enumerate(options):
        following = options[at + 1] if at + 1 < len(options) else ""
        if option == "--master":
            master = following
        elif option.startswith("--master="):
            master = option.partition("=")[2]
        elif option in ("--conf", "-c") and following.startswith("spark.master="):
            by_conf = following.partition("=")[2]
    return by_conf if master is None else master


def await_master(master: str) -> None:
    """Wait aloud until a standalone master accepts connections; ArusError where none does.

    Any other kind of master is Spark's own matter.
    """
    if not master.startswith(STANDALONE):
        return
    addresses = [_address(part, master) for part in master.removeprefix(STANDALONE).split(",")]
    faults: list[str] = []

    def answers() -> bool:
        faults[:] = [_fault(address) for address in addresses]
        return not all(faults)

    # A name that nobody knows will hardly come to be known.
    if not answers() and (are_names(faults) or not wait_aloud(answers, f"the Spark master at {master}")):
        raise ArusError(
            f"no Spark master answers at {master} ({'; '.join(faults)}): start one, or leave --master out to run here"
        )


def are_names(faults: Sequence[str]) -> bool:
    """Return whether all faults are those of names."""
    return all(fault.startswith(UNKNOWN_NAME) for fault in faults)


def _address(text: str, master: str) -> tuple[str, int]:
    match = re.fullmatch(r"\[?([^\[\]]+?)\]?:(\d{1,5})", text.strip())
    if not match:
        raise ArusError(f"--master {master}: '{text}' is not HOST:PORT, such as spark://localhost:7077")
    return match[1], int(match[2])


def _fault(address: tuple[str, int]) -> str:
    """Return why nothing can be reached there, or nothing."""
    try:
        socket.create_connection(address, CONNECT_SECONDS).close()
    except socket.gaierror:
        return f"{UNKNOWN_NAME} {address[0]}"
    except OverflowError:
        return f"there is no port {address[1]}"
    except OSError as error:
        return error.strerror or "no answer"
    return ""
