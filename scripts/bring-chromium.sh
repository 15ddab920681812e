#!/bin/sh
# Brings Chromium from Debian's package: test/browser/ opens the operators' page in it. CHROMIUM names another one.
set -eu
scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)

if [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then exit 0; fi
exec sh "$scripts/install-debian.sh" bring-chromium 'the tests in a browser do not run' chromium
