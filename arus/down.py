"""python -m arus down: stop what `up` or `demo` started in this home, and nothing else."""

import argparse

from arus import home, supervision
from arus.up import say_stopped


def main(argv: list[str]) -> int:
    """Stop producers, jobs, broker and supervisord, a line each; exit code 0 too where nothing is up."""
    argparse.ArgumentParser(prog="python -m arus down", description=__doc__).parse_args(argv)
    if supervision.running_pid() is None:
        print(f"nothing of {home.home()} is up")
        return 0
    supervision.stop(say_stopped)
    print("down; the next start continues where this one stopped")
    return 0
