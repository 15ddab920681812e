#!/bin/sh
# Brings the servers that `make bench` compares with, PostgreSQL and Redis, from Debian's packages.
set -eu
scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)

has_postgres() {
  command -v postgres >/dev/null 2>&1 && return 0
  for initdb in /usr/lib/postgresql/*/bin/initdb; do [ -x "$initdb" ] && return 0; done
  return 1
}
set --
command -v redis-server >/dev/null 2>&1 || set -- "$@" redis-server
has_postgres || set -- "$@" postgresql
[ $# -gt 0 ] || exit 0
exec sh "$scripts/install-debian.sh" install-peers 'those peers are left out' "$@"
