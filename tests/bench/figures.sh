# P1 to P10: one function for each performance target. Sourced by scripts/bench, which brings
# run_app, run_bare, result and row.
# shellcheck shell=bash disable=SC2154

# Settings that serve one purpose best, found by measuring.
economical=(--producers=1 --consumers=1 --linger=100ms --durability=relaxed)
prompt=(--linger=0 --producers=1 --consumers=1)

# against_bare NUMBER KIND CONSUMERS BATCH DURABILITY: stored/s as a share of the bare loop's.
against_bare() {
  local app_rates=() bare_rates=() ratios=() round
  for ((round = 0; round < rounds; ++round)); do
    bare_rates+=("$(run_bare "${@:2}" | cut -d' ' -f3)")
    run_app "$2" --rps=max --duration="$seconds" --consumers="$3" --batch-size="$4" \
      --durability="$5"
    app_rates+=("$(result rate.stored_per_s)")
    ratios+=("$(calculate "${app_rates[-1]} / ${bare_rates[-1]}" %.3f)")
  done
  row "$1" "$2, $3 consumers, $4 rows a commit, $5 durability: stored/s of the bare loop's" \
    '>=' "$([ "$2" = sqlite ] && echo 1.0 || echo 0.95)" '' "$(median "${ratios[@]}")" \
    "$(human "$(median "${app_rates[@]}")")/s and $(human "$(median "${bare_rates[@]}")")/s"
}

measure_P1() {
  local durability batch
  for durability in full relaxed; do
    for batch in 500 5000; do against_bare P1 sqlite 5 "$batch" "$durability"; done
  done
}

measure_P2() {
  local batch consumers
  for batch in 500 5000; do
    for consumers in 2 3 4 5; do against_bare P2 postgres "$consumers" "$batch" full; done
  done
}

measure_P3() {
  local rates=() round
  for ((round = 0; round < rounds; ++round)); do
    run_app null --rps=max --duration="$seconds"
    rates+=("$(result rate.stored_per_s)")
  done
  row P3 'null:, 10 producers, 5 consumers: messages/s' '>=' 10 ' M' \
    "$(calculate "$(median "${rates[@]}") / 1e6" %.1f)"
}

measure_P4() {
  local rate off worst=0 seen=
  for rate in 1 500 10000 100000 1000000; do
    run_app null --rps="$rate" --duration="$long"
    off=$(calculate "$(result counts.produced) - $rate * $long" %d)
    seen+="${seen:+, }$(human "$rate")/s: $off"
    [ "${off#-}" -le "$worst" ] || worst=${off#-}
  done
  row P4 "null: for $long s: messages produced, off rate x duration by" '<=' 1 '' "$worst" "$seen"
}

measure_P5() {
  local rate lags bare_lags round
  for rate in 500 100000; do
    lags=() bare_lags=()
    for ((round = 0; round < rounds; ++round)); do
      # Nobody sleeps 100000 times a second.
      bare_lags+=("$("$bare/raw_sleep" $((rate < 10000 ? rate : 10000)) "$seconds")")
      run_app null --rps="$rate" --duration="$seconds"
      lags+=("$(result latency_us.schedule_lag.p99)")
    done
    row P5 "null: at $(human "$rate")/s: p99 of the schedule lag, times a bare thread's" '<=' 1.3 '' \
      "$(calculate "$(median "${lags[@]}") / $(median "${bare_lags[@]}")" %.2f)" \
      "$(calculate "$(median "${lags[@]}") / 1000" %.3f) ms and $(
        calculate "$(median "${bare_lags[@]}") / 1000" %.3f) ms"
  done
}

# paced_cpu WHAT PRODUCERS DURABILITY FLAG...: the share of a core 500/s takes, and what as many
# bare sleeps and commits take.
paced_cpu() {
  local app_shares=() bare_shares=() round user system batches commits
  for ((round = 0; round < rounds; ++round)); do
    run_app sqlite --rps=500 --duration="$long" "${@:4}"
    read -r user system batches < <(result client.cpu_user_s client.cpu_system_s batches.count)
    app_shares+=("$(calculate "100 * ($user + $system) / $long")")
    commits=$(calculate "$batches / $long")
    fresh sqlite
    bare_shares+=("$("$bare/raw_pacing" "${db#sqlite:}" "$2" 500 "$commits" 500 "$3" "$long" |
      awk '{ print 100 * $3 }')")
  done
  local app_share bare_share
  app_share=$(median "${app_shares[@]}") bare_share=$(median "${bare_shares[@]}")
  row P6 "SQLite at 500/s for $long s, $1: CPU, times that of as many bare sleeps and commits" \
    '<=' 1.5 '' "$(calculate "$app_share / $bare_share" %.2f)" \
    "$(calculate "$app_share" %.2f) % of a core and $(calculate "$bare_share" %.2f) %, with $commits commits/s"
}

measure_P6() {
  paced_cpu defaults 10 full
  paced_cpu "${economical[*]}" 1 relaxed "${economical[@]}"
}

measure_P7() {
  local kind short_run long_run
  run_app sqlite --duration="$long"
  row P7 'SQLite, defaults: most memory' '<=' 40 ' MB' \
    "$(calculate "$(result client.max_rss_bytes) / 1e6" %.1f)"
  for kind in null sqlite; do
    run_app $kind --rps=max --duration="$long"
    short_run=$(result client.max_rss_bytes)
    run_app $kind --rps=max --duration=$((6 * long))
    long_run=$(result client.max_rss_bytes)
    row P7 "$kind at the highest rate: most memory in $((6 * long)) s against $long s" '<=' 1.1 '' \
      "$(calculate "$long_run / $short_run" %.3f)" \
      "$(human "$long_run")B and $(human "$short_run")B"
  done
}

measure_P8() {
  local with without ratio
  read -r with without ratio < <("$bare/lane_bench" "$rounds" "$seconds")
  row P8 'null: at the highest rate: what the statistics cost' '<=' 3 ' %' \
    "$(calculate "100 * (1 - $ratio)" %.1f)" \
    "$(human "$with")/s with, $(human "$without")/s without"
}

# sweep KIND FLAG VALUE...: stored/s at each value, as a chart that marks steps of over 25 %.
sweep() {
  local kind=$1 flag=$2 value round chart
  local -A rates_of=()
  shift 2
  for ((round = 0; round < rounds && round < 3; ++round)); do
    for value in "$@"; do
      run_app "$kind" --rps=max --duration=1 "$flag=$value"
      rates_of[$value]+=" $(result rate.stored_per_s)"
    done
  done
  # shellcheck disable=SC2086 # the rates of one value are words
  chart=$(for value in "$@"; do
    median=$(median ${rates_of[$value]})
    echo "$value $median $(human "$median")"
  done | awk '
    { value[NR] = $1; rate[NR] = $2; text[NR] = $3 " " $4; if ($2 > top) top = $2 }
    END {
      for (i = 1; i <= NR; ++i) {
        up = rate[i + 1] / rate[i]
        down = 1 - (i > 1 ? rate[i] / rate[i - 1] : 1)
        mark = up > 4 / 3 ? sprintf("  (the next gains x %.1f)", up) : ""
        if (down > 0.25) mark = sprintf("  <- loses %.0f %%", 100 * down)
        bar = sprintf("%*s", 50 * rate[i] / top + 0.5, "")
        gsub(/ /, "#", bar)
        printf("%9s %-50s %8s/s%s\n", value[i], bar, text[i], mark)
      } }')
  charts+="$kind: stored/s by $flag"$'\n'"$chart"$'\n\n'
  steps=$((steps + $# - 1))
  losses=$((losses + $(grep -c 'loses' <<<"$chart" || true)))
  gains=$((gains + $(grep -c 'the next gains' <<<"$chart" || true)))
  say "$chart"
}

# Growing a size must not cost much. That growing it from one gains much is what batches are for:
# the fixed costs of a commit and of a wake-up are shared by more rows.
measure_P9() {
  local kind steps losses gains
  for kind in null sqlite postgres; do
    steps=0 losses=0 gains=0
    sweep $kind --producers 1 2 4 8 16 32 64 128 256
    sweep $kind --consumers 1 2 4 8 16 32 64
    sweep $kind --batch-size 1 10 100 500 1000 5000 10000 50000
    sweep $kind --queue-capacity 1 10 100 1000 10000 100000 1000000
    row P9 "$kind: steps to a larger size that lose over 25 %" '<=' 0 '' "$losses" \
      "of $steps; $gains gain over 25 %, see the charts"
  done
}

# prompt_response KIND RATE: how long until a message is durable.
prompt_response() {
  local app_p99s=() bare_p99s=() disk_p99s=() writes=() round response write
  for ((round = 0; round < rounds; ++round)); do
    disk_p99s+=("$(run_disk "$2" | cut -d' ' -f5)")
    bare_p99s+=("$(run_bare "$1" 1 5000 full "$2" | cut -d' ' -f5)")
    run_app "$1" --rps="$2" --duration="$seconds" "${prompt[@]}"
    read -r response write < <(result latency_us.response.p99 latency_us.write.p99)
    app_p99s+=("$response") writes+=("$write")
  done
  row P10 "$1 at $(human "$2")/s, ${prompt[*]}: p99 of the response time, times the bare loop's" \
    '<=' 1.2 '' "$(calculate "$(median "${app_p99s[@]}") / $(median "${bare_p99s[@]}")" %.2f)" \
    "$(calculate "$(median "${app_p99s[@]}") / 1000" %.2f) ms, of that the write: $(
      calculate "$(median "${writes[@]}") / 1000" %.2f) ms; the bare loop: $(
      calculate "$(median "${bare_p99s[@]}") / 1000" %.2f) ms; a block and fdatasync alone: $(
      calculate "$(median "${disk_p99s[@]}") / 1000" %.2f) ms"
}

measure_P10() {
  local rate
  for rate in 10000 50000 100000; do
    prompt_response sqlite "$rate"
    prompt_response postgres "$rate"
  done
}
