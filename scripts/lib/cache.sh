# shellcheck shell=bash
# Where things that scripts make for tests are kept: outside the tree, because they are not ours and
# outlive a checkout. Source it after common.sh.

# Folders, best first.
caches() {
  local cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
  [[ $cache != /* ]] || echo "$cache/nfqueue"
  echo "${TMPDIR:-/tmp}/nfqueue-$(id -u)"
}

# Prints the first that can be written to, and makes it.
cache_folder() {
  local cache
  while read -r cache; do
    if mkdir -p "$cache" 2>/dev/null && [[ -O $cache && -w $cache ]]; then
      echo "$cache"
      return
    fi
  done < <(caches)
  die 1 "There is no folder to keep things in: $(caches | xargs)"
}

# find_cached PATTERN: prints the newest version that is there, of the best folder.
find_cached() {
  local cache found=
  while read -r cache; do
    # A folder that somebody else made there holds nothing to be run.
    [[ -z $found && -O $cache ]] || continue
    found=$(compgen -G "$cache/$1" | sort -V | tail -n1) || true
  done < <(caches)
  [[ -n $found ]] && echo "$found"
}
