# Shared by the scripts here: find the project, say what happens, install what is missing.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$(basename "$0"): $*"
  exit 1
}

# shellcheck disable=SC2034 # used by the scripts that read this file
# What compiling takes, and what comes on top for tests and for the gate, as Debian packages.
build_packages=(g++ cmake ninja-build pkg-config libcli11-dev libspdlog-dev libfmt-dev
  nlohmann-json3-dev libsqlite3-dev libpq-dev libpqxx-dev libjs-dygraphs zlib1g-dev)
# shellcheck disable=SC2034
test_packages=(doctest-dev chromium libxml2-utils postgresql python3 python3-jsonschema util-linux)
# Debian's npm would conflict with a Node.js from elsewhere, which brings its own.
if ! command -v npm >/dev/null; then test_packages+=(nodejs npm); fi
# shellcheck disable=SC2034
gate_packages=(clang clang-tidy clang-format libclang-rt-14-dev shellcheck)

# install_missing PACKAGE...: installs those that are not there yet, and says so.
install_missing() {
  local missing=() package
  local installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for package in "$@"; do
    grep -qx "$package installed" <<<"$installed" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null ||
    fail "needs these Debian packages or their like: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "needs these packages, and neither root nor sudo is at hand: ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing: ${missing[*]}"
  # All output goes to stderr: stdout belongs to the result.
  "${as_root[@]}" apt-get update -q >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
}

# configure DIR [CMAKE_ARGUMENT...]: only when DIR is new, or was configured with other arguments.
configure() {
  local dir=$1
  shift
  [ -e "$dir/build.ninja" ] && [ "$*" = "$(cat "$dir/configured-with" 2>/dev/null)" ] && return
  cmake -S . -B "$dir" -G Ninja "$@" >&2
  echo "$*" >"$dir/configured-with"
}

# build DIR [TARGET...]: quiet while all goes well, but for ninja's count of steps on a terminal.
build() {
  local dir=$1
  shift
  if [ -t 2 ]; then
    ninja -C "$dir" "$@" >&2 || fail "the build in $dir failed"
    return
  fi
  local log="$dir/build.log"
  if ! ninja -C "$dir" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    fail "the build in $dir failed"
  fi
  grep -A8 'warning:' "$log" >&2 || true
}

# ./app is what was built last, whoever built it.
link_app() { [ app -ef build/release/app ] || ln -f build/release/app app; }

# run_tests DIR [CTEST_ARGUMENT...]: with a Postgres server beside them.
run_tests() {
  local dir=$1
  shift
  scripts/with-postgres ctest --test-dir "$dir" --output-on-failure -j "$(($(nproc) * 2))" "$@"
}
