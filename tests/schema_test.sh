#!/usr/bin/env bash
# Real results against docs/result.schema.json: schema_test.sh PYTHON APP SOURCE_DIR
set -euo pipefail
python=$1 app=$2 source=$3
unset APP_DB
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

validate() { "$python" "$source/tests/validate_result.py" "$source/docs/result.schema.json" "$@"; }

"$app" --quiet --db=null: --rps=max --count=1000 --json="$dir/null.json" >"$dir/null.txt"
"$app" --quiet --db="sqlite:$dir/a.db" --rps=2k --count=1000 --verify=full --max-lag=1m --burst=5k \
  --json="$dir/sqlite.json" >"$dir/sqlite.txt"
# Runs with losses and with an error; and nothing but the document may be on stdout.
"$app" --quiet --db="sqlite:$dir/b.db" --rps=max --count=1000 --queue-capacity=1 \
  --on-full=drop-new --json=- >"$dir/losses.json" || [ $? -eq 3 ]
"$app" --quiet --db="sqlite:$dir/c.db" --rps=max --count=100k --queue-capacity=1 \
  --on-full=abort --json=- >"$dir/error.json" 2>"$dir/log" || [ $? -eq 1 ]
# One that could not start.
"$app" --quiet --db="sqlite:$dir/absent/d.db" --count=10 --json="$dir/unstarted.json" \
  >"$dir/log" 2>&1 || [ $? -eq 1 ]
validate "$dir"/{null,sqlite,losses,error,unstarted}.json

# And what is no result is found out.
mkdir "$dir/bad"
echo '{' >"$dir/bad/document"
echo '{}' >"$dir/bad/empty"
spoil() { sed -E "$2" "$dir/sqlite.json" >"$dir/bad/$1"; }
spoil negative 's/"produced": [0-9]+/"produced": -1/'
spoil type 's/"run_id": "([0-9]+)"/"run_id": \1/'
spoil null 's/"mean": [0-9.]+/"mean": null/'
spoil nan 's/"cpu_user_s": [0-9.]+/"cpu_user_s": NaN/'
spoil missing 's/"p99_9":/"p999":/'
spoil renamed 's/"max_lag_ms"/"max_lag_s"/'
spoil version 's/"schema_version": 1/"schema_version": 2/'
if validate "$dir"/bad/* >"$dir/violations"; then exit 1; fi
for bad in "$dir"/bad/*; do
  grep -q "^$bad: " "$dir/violations" || { echo "accepted: $bad" >&2; exit 1; }
done
[ "$(grep -c "^$dir/bad/empty: .* required" "$dir/violations")" -eq 22 ]
