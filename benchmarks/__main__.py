"""python -m benchmarks latency|drain [options]: the figures of docs/performance.md. Each says more with --help."""

import sys

from benchmarks import drain, latency

BENCHMARKS = {"latency": latency.main, "drain": drain.main}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        sys.exit(__doc__)
    sys.exit(BENCHMARKS[sys.argv[1]](sys.argv[2:]))
