#!/bin/sh
# `make test`: the checks, then the tests even when a check failed, so that one run tells all. Fails when either failed.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root" || exit 1

check=0
${MAKE:-make} --no-print-directory --keep-going check || check=$?
[ "$check" -eq 0 ] || trap 'echo "make check failed: see above" >&2' EXIT

node --disable-warning=ExperimentalWarning scripts/run-tests.ts "$@"
tests=$?
[ "$tests" -eq 0 ] || exit "$tests"
exit "$check"
