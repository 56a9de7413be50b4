# bash completion for app (loadgen). Installed where bash looks; or: source completions/app.bash
_loadgen_app() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  if [ "$cur" = = ]; then
    cur=
  elif [ "$prev" = = ]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $prev in
    --on-full) COMPREPLY=($(compgen -W "block drop-new drop-old abort spill" -- "$cur")) && return ;;
    --insert) COMPREPLY=($(compgen -W "auto copy multi unnest single" -- "$cur")) && return ;;
    --delivery) COMPREPLY=($(compgen -W "exactly-once at-least-once" -- "$cur")) && return ;;
    --breaker) COMPREPLY=($(compgen -W "on off" -- "$cur")) && return ;;
    --durability) COMPREPLY=($(compgen -W "full relaxed" -- "$cur")) && return ;;
    --verify)
      local modes="count full"
      [ "${COMP_WORDS[1]}" = verify ] || modes+=" off"
      COMPREPLY=($(compgen -W "$modes" -- "$cur")) && return
      ;;
    --log-level) COMPREPLY=($(compgen -W "debug info warn error off" -- "$cur")) && return ;;
    --json | --dead-letter | --unsent)
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$cur")) && return
      ;;
    --spool)
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -d -- "$cur")) && return
      ;;
    --db) COMPREPLY=($(compgen -W "sqlite: postgres:// null:" -- "$cur")) && return ;;
    --rps) COMPREPLY=($(compgen -W "max" -- "$cur")) && return ;;
    --progress) COMPREPLY=($(compgen -W "off" -- "$cur")) && return ;;
    --quiet | --help | --version) ;;
    --*) return ;; # a number, a duration or a name
  esac
  local words="--db --log-level --help --version"
  case ${COMP_WORDS[1]} in
    replay)
      words+=" --table --insert --durability --retries --retry-delay --timeout --connect-wait --breaker --quiet --json"
      if [[ $cur != -* ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$cur")) && return
      fi
      ;;
    verify) words+=" --run --verify --timeout --connect-wait --json" ;;
    *)
      words+=" --producers --rps --duration --count --burst --max-lag --message-size --seed --queue-capacity --on-full
        --spool --consumers --batch-size --linger --table --insert --durability --drain-timeout --delivery --retries
        --retry-delay --timeout --connect-wait --breaker --dead-letter --max-dead-letters --unsent --verify --json
        --progress --quiet"
      [ "$COMP_CWORD" -gt 1 ] || words+=" run replay verify"
      ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _loadgen_app app
