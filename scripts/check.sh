#!/usr/bin/env bash
# Everything a commit must pass: lint, format, types, pages of the interface, tests. Run it inside the virtual environment of the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
ruff check .
ruff format --check .
mypy
scripts/docs.sh
python -m pytest
