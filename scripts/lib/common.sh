# shellcheck shell=bash
# What the scripts share. Source it: . "$(dirname "$0")/lib/common.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH="$PATH:/usr/sbin:/sbin" # where ip and iptables live; not in an ordinary user's PATH

say() { printf '%s\n' "$*" >&2; }
die() { # die STATUS MESSAGE... (status 3: something that only a person can put right)
  local status=$1
  shift
  say "$*"
  exit "$status"
}

# as_root COMMAND: how this machine's user would run COMMAND as root.
as_root() {
  if ! type -P sudo >/dev/null; then
    echo "su -c '$*'"
  elif [[ $* == *'&&'* ]]; then
    echo "sudo sh -c '$*'"
  else
    echo "sudo $*"
  fi
}

# find_runtime deno|bun|node: prints the path of a usable native binary, or fails.
# Older versions than these were never measured or tested here: fast FFI calls, test flags and
# TypeScript rules differ.
find_runtime() {
  local minimum show candidate version
  case $1 in
    deno) minimum=2.9.0 show='eval console.log(Deno.version.deno,Deno.execPath())' ;;
    bun) minimum=1.4.0 show='-e console.log(Bun.version,process.execPath)' ;;
    node) minimum=26.9.0 show='-p process.versions.node+"\x20"+process.execPath' ;;
  esac
  # npm's launchers are Node programs that swallow signals and start slowly, so each candidate says
  # itself where its real binary is. Where npm ran the packages' install scripts the binaries moved
  # (bun/bin/bun.exe, on Linux too), elsewhere they stay in the per-platform package.
  for candidate in "$(type -P "$1")" "$root"/node_modules/@"$1"/linux-*/deno \
    "$root"/node_modules/bun/bin/bun.exe "$root"/node_modules/@oven/bun-linux-*/bin/bun \
    "$root"/scripts/node/node_modules/node-linux-*/bin/node; do
    [[ ${candidate##*/} == "$1"* && -x $candidate ]] || continue
    # shellcheck disable=SC2086 # two words: option and program
    read -r version candidate < <("$candidate" $show 2>/dev/null </dev/null) || continue
    [[ $(printf '%s\n' "$minimum" "$version" | sort -V | head -n1) == "$minimum" ]] || continue
    echo "$candidate"
    return
  done
  return 1
}

# use_runtimes NAME...: exports DENO, BUN and NODE, the paths of the native binaries.
use_runtimes() {
  local name
  for name in "$@"; do
    declare -gx "${name^^}=$(find_runtime "$name")" || die 1 "No usable $name: run scripts/setup."
  done
}
