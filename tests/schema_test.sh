#!/usr/bin/env bash
# Real results against docs/*.schema.json: schema_test.sh PYTHON APP SOURCE_DIR
set -euo pipefail
python=$1 app=$2 source=$3
unset APP_DB
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

validate_as() {
  local schema=$1
  shift
  "$python" "$source/tests/validate_result.py" "$source/docs/$schema.schema.json" "$@"
}
validate() { validate_as result "$@"; }

"$app" --quiet --db=null: --rps=max --count=1000 --percentiles=75,99.95 --threshold='p99<1h' \
  --threshold='lost==0' --json="$dir/null.json" >"$dir/null.txt" || [ $? -eq 99 ]
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

# The other commands: a run that is verified, one that cannot be judged, none at all; letters that are
# replayed, and no file of them.
"$app" verify --db="sqlite:$dir/a.db" --json="$dir/verified.json" >"$dir/log"
"$app" --quiet --db="sqlite:$dir/e.db" --rps=max --count=20k --on-full=abort --queue-capacity=500 \
  --unsent="$dir/unsent.jsonl" >"$dir/log" 2>&1 || [ $? -eq 1 ]
"$app" replay "$dir/unsent.jsonl" --db="sqlite:$dir/e.db" --quiet --json=- >"$dir/replayed.json"
"$python" -c "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('DELETE FROM loadgen_ledger'); db.commit()" "$dir/e.db"
"$app" verify --db="sqlite:$dir/e.db" --json=- >"$dir/unjudged.json" || [ $? -eq 1 ]
"$app" verify --db="sqlite:$dir/a.db" --run=1 --json="$dir/no_run.json" 2>"$dir/log" || [ $? -eq 1 ]
"$app" replay "$dir/none.jsonl" --db="sqlite:$dir/e.db" --json="$dir/no_file.json" 2>"$dir/log" || [ $? -eq 2 ]
validate_as verify "$dir"/{verified,unjudged,no_run}.json
validate_as replay "$dir"/{replayed,no_file}.json

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
for schema in verify replay; do
  if validate_as "$schema" "$dir"/bad/{empty,version} >"$dir/log"; then exit 1; fi
done
[ "$(grep -c "^$dir/bad/empty: .* required" "$dir/violations")" -eq 27 ]
