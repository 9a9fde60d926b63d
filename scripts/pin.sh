#!/usr/bin/env bash
# Renew constraints.txt: the newest releases that pyproject.toml allows, for Python 3.11 to 3.13 on any system.
# usage: scripts/pin.sh [TORCH]   TORCH is the release of torch to pin; without it, the one pinned now stays.
set -euo pipefail
cd "$(dirname "$0")/.."
torch=${1:-$(sed -n 's/^torch==//p' constraints.txt)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
echo "torch==$torch" > "$folder/torch"
cat > "$folder/pins" <<'HEAD'
# What the two commands of README.md install, so that they install the same every month. Written by scripts/pin.sh;
# renew it by that, then run scripts/check.sh. torch is renewed by name: scripts/pin.sh 2.14.1. Left out are the
# packages of CUDA, whose releases each build of torch names itself. Other releases that pyproject.toml allows work,
# too: scripts/check_versions.sh tests the oldest and the newest.
HEAD
"$folder/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --extra test --constraint "$folder/torch" \
  --no-header --no-annotate pyproject.toml | grep -Ev '^(cuda|nvidia|triton)\b' >> "$folder/pins"
cp "$folder/pins" constraints.txt
