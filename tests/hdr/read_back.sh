#!/usr/bin/env bash
# read_back.sh APP DIR: makes a run and reads its HdrHistogram files back. DIR keeps what npm installs.
set -euo pipefail
app=$1
modules=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

mkdir -p "$modules"
if ! cmp -s "$here/package.json" "$modules/installed.json"; then
  cp "$here/package.json" "$modules/"
  npm install --prefix "$modules" --silent --no-audit --no-fund --no-package-lock --ignore-scripts
  cp "$here/package.json" "$modules/installed.json"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for warmup in 0 1; do
  "$app" --db=sqlite:run.db --rps=2000 --duration=2 --warmup="$warmup" --quiet \
    --json=run.json --hdr-log=run.hlog --hgrm=run.hgrm >/dev/null
  NODE_PATH="$modules/node_modules" node "$here/read_back.js" run.hlog run.hgrm run.json
done
