"""python -m arus VERB: run, look at and mend the suite. `python -m arus VERB --help` explains one verb."""

import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from arus.errors import ArusError
from arus.home import ROOT

VERBS = {
    "doctor": "check Python, Java, versions, jars, ports, disk and broker; says how to mend what fails",
    "demo": "start everything, show it live, stop it on Ctrl-C",
    "up": "start everything and leave it running",
    "down": "stop what `up` or `demo` started",
    "containers": "run everything in containers, by docker-compose.yml, and check it",
    "broker": "run|start|stop|status: the embedded Kafka",
    "topics": "create|list: the suite's topics",
    "tail": "show every message of a topic as it comes",
    "tables": "list the Delta tables; export one as CSV; check that nothing is lost or there twice",
    "models": "list the trained retail models: clusters, how good, which is the champion",
    "status": "what runs, how fast, how far behind, and what went wrong last",
    "images": "dataset DIR|consumed: a folder of images, or those that were streamed, in tables and pictures",
    "rejects": "list|show|replay: the records a job could not use",
    "reset": "move a job's checkpoint and tables aside, so that it starts afresh",
}


def usage() -> str:
    width = max(map(len, VERBS))
    return "\n".join(["usage: python -m arus VERB [options]", "", *(f"  {v:<{width}}  {VERBS[v]}" for v in VERBS)])


def module_of(verb: str) -> str:
    """Return the module of a verb, whose `main` it is."""
    return f"arus.cli.{verb}" if find_spec(f"arus.cli.{verb}") else f"arus.{verb}"


def main(argv: list[str]) -> int:
    """Run the verb's module and return its exit code; a user's error is one line and exit code 1."""
    if not argv or argv[0] in {"-h", "--help"}:
        print(usage())
        return 0 if argv else 2
    verb, options = argv[0], argv[1:]
    if verb not in VERBS:
        print(f"arus: no verb '{verb}'\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        return int(importlib.import_module(module_of(verb)).main(options))
    except ArusError as error:
        print(f"arus {verb}: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if Path(sys.prefix) == ROOT / ".venv":
            raise
        # Started with a Python that lacks the project's packages, such as the system's.
        print(
            f"arus {verb}: {error} in {sys.executable}: use .venv/bin/python (`make setup` makes it)", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
