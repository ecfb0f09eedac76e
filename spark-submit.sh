#!/usr/bin/env bash
# Usage: ./spark-submit.sh JOB [spark-submit options]      (from any folder; --help says more)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$root/.venv/bin/python
[[ -x $python ]] || python=python3
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$python" -m arus.submit "$@"
