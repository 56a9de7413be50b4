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
validate "$dir/null.json" "$dir/sqlite.json" "$dir/losses.json" "$dir/error.json"

# And what is no result is found out.
must_fail() {
  if validate "$dir/bad.json" >"$dir/violations" || [ ! -s "$dir/violations" ]; then
    echo "accepted, and must not be: $1" >&2
    exit 1
  fi
}
echo '{' >"$dir/bad.json" && must_fail 'a broken document'
echo '{}' >"$dir/bad.json" && must_fail 'an empty document'
[ "$(wc -l <"$dir/violations")" -eq 19 ] # the keys that are required
for edit in 's/"produced": [0-9]+/"produced": -1/' 's/"run_id": "([0-9]+)"/"run_id": \1/' \
  's/"p99_9":/"p999":/' 's/"mean": [0-9.]+/"mean": null/' 's/"max_lag_ms"/"max_lag_s"/' \
  's/"schema_version": 1/"schema_version": 2/' 's/"cpu_user_s": [0-9.]+/"cpu_user_s": NaN/'; do
  sed -E "$edit" "$dir/sqlite.json" >"$dir/bad.json" && must_fail "$edit"
done
