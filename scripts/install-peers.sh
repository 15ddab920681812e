#!/bin/sh
# Brings the servers that `make bench` compares with, PostgreSQL and Redis, from Debian's packages. Only as root; else it
# says what to install. Neither is started or enabled here: the benchmarks start their own, in a temporary folder.
set -eu

say() { echo "install-peers: $*" >&2; }

missing=
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
has_postgres() {
  command -v postgres >/dev/null 2>&1 && return 0
  for initdb in /usr/lib/postgresql/*/bin/initdb; do [ -x "$initdb" ] && return 0; done
  return 1
}
has_postgres || missing="$missing postgresql"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  say "not on this machine:$missing; install them with your system's packages, or those peers are left out"
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  say "not on this machine:$missing; run: sudo apt-get install --no-install-recommends$missing (else those peers are left out)"
  exit 0
fi

# Debian would start both servers, and make a PostgreSQL cluster, as a side effect of installing them.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  made_policy=yes
fi
trap '[ -z "$made_policy" ] || rm -f "$policy"' EXIT
export DEBIAN_FRONTEND=noninteractive
say "installing$missing"
# shellcheck disable=SC2086 # a list of packages
if ! { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } >&2; then
  say "could not install$missing; those peers are left out"
fi
