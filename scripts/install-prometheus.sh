#!/bin/sh
# Brings Prometheus, with promtool, from Debian's package: test/ops/ has it judge what /metrics says, the alerts and the dashboard.
set -eu
scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)

has_prometheus() { command -v prometheus >/dev/null 2>&1 && command -v promtool >/dev/null 2>&1; }
if has_prometheus; then exit 0; fi
sh "$scripts/install-debian.sh" install-prometheus 'its tests are skipped' prometheus
# The package would have it run from the next start of the machine on.
if has_prometheus && command -v systemctl >/dev/null 2>&1; then systemctl disable prometheus.service >/dev/null 2>&1 || true; fi
