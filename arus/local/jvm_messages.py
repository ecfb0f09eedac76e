"""Lines that every JVM of Spark writes and that mean nothing to a user: they look like failures, and are none."""

import os
import subprocess

# As grep -E takes them. Spark itself asks for the incubator module. Netlib says what it does without.
HARMLESS = (
    "^WARNING: Using incubator modules",
    "dev\\.ludovic\\.netlib",
    "^WARNING: Failed to load implementation from:",
    "^WARNING: (A terminally|A restricted|Use --|sun\\.misc\\.Unsafe|Please consider)",
)


def hide_harmless() -> None:
    """Let what this process, and whatever it becomes, writes to stderr pass through a filter of harmless lines.

    The filter ends with the last process that writes to it: Ctrl-C, which reaches all of them, does not end it before.
    """
    reading, writing = os.pipe()
    pattern = "|".join(f"({line})" for line in HARMLESS)
    # The shell, for its trap: what is ignored stays so for what it becomes.
    quiet = ["/bin/sh", "-c", 'trap "" INT TERM; exec grep --line-buffered -vE "$0" >&2', pattern]
    subprocess.Popen(quiet, stdin=reading, close_fds=True)
    os.dup2(writing, 2)
    os.close(reading)
    os.close(writing)
