"""Harmless lines are held back, all others pass, and the filter outlives a Ctrl-C to its whole group."""

import os
import signal
import subprocess
import sys

from arus.home import ROOT

SPEAK = """
import os, sys
from arus.local.jvm_messages import hide_harmless
hide_harmless()
harmless = "WARNING: Using incubator modules: x", "WARNING: Failed to load implementation from:x", "netlib-blas: x"
lines = *harmless, "a byte of zero: " + chr(0), "java.lang.OutOfMemoryError"
sys.stderr.write("".join(line + chr(10) for line in lines))
sys.stderr.flush()
print("ready", flush=True)
sys.stdin.read()
os.write(2, b"the last word")
"""


def test_only_harmless_lines_are_held_back_and_nothing_is_lost_at_a_stop() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN){SPEAK}"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert said == "a byte of zero: \0\njava.lang.OutOfMemoryError\nthe last word\n"
