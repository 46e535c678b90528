# shellcheck shell=bash
# Where the real libipq.so.0 is that tests talk to. Source it after common.sh.

# Folders for what scripts/lib/make_libipq makes, best first: outside the tree, because the library
# is not ours and outlives a checkout.
libipq_caches() {
  local cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
  [[ $cache != /* ]] || echo "$cache/nfqueue"
  echo "${TMPDIR:-/tmp}/nfqueue-$(id -u)"
}

# Prints the path of the one that NFQUEUE_TEST_LIBIPQ names, the newest that was made here, or the
# distribution's own.
find_libipq() {
  local cache found=
  [[ -z ${NFQUEUE_TEST_LIBIPQ-} ]] || { echo "$NFQUEUE_TEST_LIBIPQ" && return; }
  while read -r cache; do
    # A folder that somebody else made there holds nothing to be run.
    [[ -z $found && -O $cache ]] || continue
    found=$(compgen -G "$cache/libipq-*-$(uname -m)/libipq.so.0" | sort -V | tail -n1) || true
  done < <(libipq_caches)
  [[ -n $found ]] || found=$(compgen -G "/usr/lib*/libipq.so.0" | head -n1) || true
  [[ -n $found ]] || found=$(compgen -G "/usr/lib/*-linux-*/libipq.so.0" | head -n1) || true
  [[ -n $found ]] && echo "$found"
}
