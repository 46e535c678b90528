# shellcheck shell=bash
# Where the real libipq.so.0 is that tests talk to. Source it after common.sh and cache.sh.

# Prints the path of the one that NFQUEUE_TEST_LIBIPQ names, the newest that was made here, or the
# distribution's own.
find_libipq() {
  local folder found=
  [[ -z ${NFQUEUE_TEST_LIBIPQ-} ]] || { echo "$NFQUEUE_TEST_LIBIPQ" && return; }
  folder=$(find_cached "libipq-*-$(uname -m)") && found=$folder/libipq.so.0
  [[ -n $found ]] || found=$(compgen -G "/usr/lib*/libipq.so.0" | head -n1) || true
  [[ -n $found ]] || found=$(compgen -G "/usr/lib/*-linux-*/libipq.so.0" | head -n1) || true
  [[ -n $found ]] && echo "$found"
}
