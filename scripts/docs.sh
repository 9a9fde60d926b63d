#!/usr/bin/env bash
# Pages of the interface from its docstrings, in outputs/api unless a folder is given; a broken reference fails.
set -euo pipefail
cd "$(dirname "$0")/.."
python scripts/docs.py "$@"
