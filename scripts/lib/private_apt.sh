# shellcheck shell=bash
# apt with lists and a cache of its own, for what is fetched and not installed: it takes no root,
# changes nothing of the system's, and does not mind how old the system's lists are, or that there are
# none. It downloads from this machine's own sources with its own settings.

# private_apt [LINE...]: gets the lists, in this folder, and leaves apt.conf there for apt's commands;
# LINEs are further settings.
private_apt() {
  mkdir -p state/lists/partial cache/archives/partial
  # Hooks of the machine's would refresh what they keep about its own lists. As root apt would fetch
  # as its own user, who may not enter this folder.
  cat >apt.conf <<CONFIGURATION
Dir::State "$PWD/state";
Dir::Cache "$PWD/cache";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Acquire::Languages "none";
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONFIGURATION
  printf '%s\n' "$@" >>apt.conf
  # A source without what was asked for fails the update, but not us.
  apt-get -q -c apt.conf update >log 2>&1 || true
}
