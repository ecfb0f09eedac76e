"""Lines that every JVM of Spark writes and that mean nothing to a user: they look like failures, and are none."""

import os
import subprocess

# As grep -E takes them. Spark itself asks for the incubator module. Netlib says what it does
# without.
HARMLESS = (
    r"^WARNING: Using incubator modules",
    r"^[A-Z][a-z]{2} [0-9]+, [0-9]{4} .* dev\.ludovic\.netlib",
    r"^WARNING: Failed to load implementation from:",
    r"^netlib-(blas|lapack|arpack): ",
    r"^WARNING: (A terminally|A restricted|Use --|sun\.misc\.Unsafe|Please consider)",
)


def hide_harmless() -> None:
    """Let what this process, and whatever it becomes, writes to stderr pass through a filter of harmless lines.

    The filter ends with the last process that writes to it: Ctrl-C, which reaches all of them, does
    not end it before.
    """
    reading, writing = os.pipe()
    pattern = "|".join(f"({line})" for line in HARMLESS)
    # The shell, for its trap: what is ignored stays so for what it becomes.
    quiet = ["/bin/sh", "-c", 'trap "" INT TERM HUP; exec grep --line-buffered -avE "$0" >&2', pattern]
    subprocess.Popen(quiet, stdin=reading, close_fds=True)
    os.dup2(writing, 2)
    os.close(reading)
    os.close(writing)
