#!/bin/sh
# `make test`: every test and, beside them, the checks, so that one run tells all. Fails when either failed.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root" || exit 1

# Without them some tests are skipped, and say so.
sh scripts/install-debian.sh all || true
exec node --disable-warning=ExperimentalWarning scripts/run-tests.ts --with-check
