#!/bin/sh
# `make test`: the checks, then the tests even when a check failed, so that one run tells all. Fails when either failed.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root" || exit 1

# Without them some tests are skipped, and say so.
sh scripts/install-debian.sh all || true
if ${MAKE:-make} --no-print-directory --keep-going check; then check=passed; else check=failed; fi
exec node --disable-warning=ExperimentalWarning scripts/run-tests.ts "--check=$check"
