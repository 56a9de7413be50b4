# bash completion for app (loadgen). Installed where bash looks; or: source completions/app.bash
# BEGIN options: scripts/generate writes what follows
# The options of a command.
_loadgen_options() {
  case $1 in
    run) echo "
      --producers --rps --arrival --stages --warmup --duration --count --burst --max-lag
      --message-size --seed --queue-capacity --on-full --spool --consumers --batch-size --linger
      --db --table --insert --durability --drain-timeout --delivery --retries --retry-delay
      --timeout --connect-wait --breaker --dead-letter --max-dead-letters --unsent --verify --json
      --html --markdown --junit --hdr-log --hgrm --timeseries --threshold --percentiles --progress
      --log-level --quiet --help --version
      " ;;
    replay) echo "
      --db --table --insert --durability --retries --retry-delay --timeout --connect-wait --breaker
      --json --log-level --quiet --help --version
      " ;;
    verify) echo "
      --db --run --verify --timeout --connect-wait --json --log-level --help --version
      " ;;
    report) echo "
      --html --markdown --junit --help --version
      " ;;
  esac
}
# COMMAND:OPTION; what its value may be: words, @file, @directory, or @nothing to offer.
_loadgen_values() {
  case $1 in
    run:--producers) echo "@nothing" ;;
    run:--rps) echo "max" ;;
    run:--arrival) echo "even poisson" ;;
    run:--stages) echo "@nothing" ;;
    run:--warmup) echo "@nothing" ;;
    run:--duration) echo "@nothing" ;;
    run:--count) echo "@nothing" ;;
    run:--burst) echo "@nothing" ;;
    run:--max-lag) echo "@nothing" ;;
    run:--message-size) echo "@nothing" ;;
    run:--seed) echo "@nothing" ;;
    run:--queue-capacity) echo "@nothing" ;;
    run:--on-full) echo "block drop-new drop-old abort spill" ;;
    run:--spool) echo "@directory" ;;
    run:--consumers) echo "@nothing" ;;
    run:--batch-size) echo "@nothing" ;;
    run:--linger) echo "@nothing" ;;
    run:--db) echo "sqlite: postgres:// null:" ;;
    run:--table) echo "@nothing" ;;
    run:--insert) echo "auto copy multi unnest single" ;;
    run:--durability) echo "full relaxed" ;;
    run:--drain-timeout) echo "@nothing" ;;
    run:--delivery) echo "exactly-once at-least-once" ;;
    run:--retries) echo "@nothing" ;;
    run:--retry-delay) echo "@nothing" ;;
    run:--timeout) echo "@nothing" ;;
    run:--connect-wait) echo "@nothing" ;;
    run:--breaker) echo "on off" ;;
    run:--dead-letter) echo "@file" ;;
    run:--max-dead-letters) echo "@nothing" ;;
    run:--unsent) echo "@file" ;;
    run:--verify) echo "off count full" ;;
    run:--json) echo "@file" ;;
    run:--html) echo "@file" ;;
    run:--markdown) echo "@file" ;;
    run:--junit) echo "@file" ;;
    run:--hdr-log) echo "@file" ;;
    run:--hgrm) echo "@file" ;;
    run:--timeseries) echo "@file" ;;
    run:--threshold) echo "@nothing" ;;
    run:--percentiles) echo "@nothing" ;;
    run:--progress) echo "off" ;;
    run:--log-level) echo "debug info warn error off" ;;
    replay:--db) echo "sqlite: postgres:// null:" ;;
    replay:--table) echo "@nothing" ;;
    replay:--insert) echo "auto copy multi unnest single" ;;
    replay:--durability) echo "full relaxed" ;;
    replay:--retries) echo "@nothing" ;;
    replay:--retry-delay) echo "@nothing" ;;
    replay:--timeout) echo "@nothing" ;;
    replay:--connect-wait) echo "@nothing" ;;
    replay:--breaker) echo "on off" ;;
    replay:--json) echo "@file" ;;
    replay:--log-level) echo "debug info warn error off" ;;
    verify:--db) echo "sqlite: postgres:// null:" ;;
    verify:--run) echo "@nothing" ;;
    verify:--verify) echo "count full" ;;
    verify:--timeout) echo "@nothing" ;;
    verify:--connect-wait) echo "@nothing" ;;
    verify:--json) echo "@file" ;;
    verify:--log-level) echo "debug info warn error off" ;;
    report:--html) echo "@file" ;;
    report:--markdown) echo "@file" ;;
    report:--junit) echo "@file" ;;
  esac
}
# END options
_loadgen_app() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=run words
  if [ "$cur" = = ]; then
    cur=
  elif [ "$prev" = = ]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case ${COMP_WORDS[1]} in replay | verify | report) command=${COMP_WORDS[1]} ;; esac
  words=$(_loadgen_values "$command:$prev")
  case $words in
    @nothing) return ;; # a number, a duration or a name
    @file)
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$cur")) && return
      ;;
    @directory)
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -d -- "$cur")) && return
      ;;
    ?*) COMPREPLY=($(compgen -W "$words" -- "$cur")) && return ;;
  esac
  if [[ $command = re@(play|port) ]] && [[ $cur != -* ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$cur")) && return
  fi
  words=$(_loadgen_options "$command")
  [ "$COMP_CWORD" -gt 1 ] || words+=" run replay verify report"
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _loadgen_app app
