"""python -m benchmarks [NAME] [options]: the figures of docs/performance.md.

NAME: drain, latency, visible, warehouse, serving, training, analytics or resizer; without one, all of them. Each says
more with --help.
"""

import sys

from benchmarks import analytics, drain, latency, resizer, serving, training, visible, warehouse

BENCHMARKS = {
    "drain": drain.main,
    "latency": latency.main,
    "visible": visible.main,
    "warehouse": warehouse.main,
    "serving": serving.main,
    "training": training.main,
    "analytics": analytics.main,
    "resizer": resizer.main,
}


def main(argv: list[str]) -> int:
    if not argv:
        return max(benchmark([]) for benchmark in BENCHMARKS.values())
    if argv[0] not in BENCHMARKS:
        print(__doc__)
        return 0 if argv[0] in {"-h", "--help"} else 2
    return BENCHMARKS[argv[0]](argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
