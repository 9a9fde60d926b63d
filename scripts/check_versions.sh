#!/usr/bin/env bash
# Run the fast tests with the oldest and the newest releases that pyproject.toml allows, on the oldest and newest Python.
# usage: scripts/check_versions.sh [--torch RELEASE] [--python 3.11,3.13] [--resolution lowest-direct,highest] [-- PYTEST]
#   --torch: the release in every environment (default: as in constraints.txt); any: torch, too, the oldest and newest
#   PYTEST: what to give to pytest, such as -n 1 tests/data
# "Oldest" is the oldest release with a wheel for that Python, as nobody builds numpy to try dashprune.
set -euo pipefail
cd "$(dirname "$0")/.."
torch=$(sed -n 's/^torch==//p' constraints.txt) pythons=3.11,3.13 resolutions=lowest-direct,highest
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in
    --torch) torch=$2 ;;
    --python) pythons=$2 ;;
    --resolution) resolutions=$2 ;;
    *) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done
[ $# -gt 0 ] && shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/tools"
"$folder/tools/bin/pip" install --quiet uv
for bin in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin; do PATH=$PATH:$bin; done # pyenv's own are found behind others
export PATH="$folder/tools/bin:$PATH"
: > "$folder/torch"
[ "$torch" = any ] || echo "torch==$torch" > "$folder/torch"

tested() { # PYTHON RESOLUTION PYTEST...: the exit code of the tests in an environment of their own
  local environment=$folder/$1-$2 python=$1 resolution=$2
  shift 2
  uv pip compile --quiet --python-version "$python" --resolution "$resolution" --extra test \
    --only-binary :all: --no-binary antlr4-python3-runtime \
    --constraint "$folder/torch" --no-header --no-annotate --output-file "$environment.txt" pyproject.toml &&
    uv venv --quiet --seed --python "$python" "$environment" && # with pip, by which a test makes a wheel
    uv pip install --quiet --python "$environment" --no-deps --requirement "$environment.txt" --editable . &&
    PATH="$environment/bin:$PATH" "$environment/bin/python" -m pytest -m 'not slow' "$@"
}

table='| Python | releases | torch | tests |'$'\n''|---|---|---|---|'
failed=0
for python in ${pythons//,/ }; do
  for resolution in ${resolutions//,/ }; do
    code=0
    tested "$python" "$resolution" "$@" || code=$?
    [ "$code" = 0 ] || failed=1
    found=$(sed -n 's/^torch==//p' "$folder/$python-$resolution.txt" 2>/dev/null || true)
    table+=$'\n'"| $python | $resolution | $found | $([ "$code" = 0 ] && echo pass || echo "exit code $code") |"
    rm -rf "${folder:?}/$python-$resolution"
  done
done
echo "$table"
exit "$failed"
