#!/bin/sh
# Builds the operators' page into .build/dashboard, when anything it is made from is newer by content than what lies there.
# With --always it is built anyway. `make setup` and `make dashboard` run this.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"
node=$(scripts/pick-node.sh)

stamp=.build/dashboard.stamp
# Names count too: a file that is renamed builds another page.
wanted=$(
  find base dashboard protocol machines policy -type f ! -name '*.test.ts' ! -name '*.md' | LC_ALL=C sort |
    xargs cksum package-lock.json scripts/dashboard.sh | cksum
)
if [ "${1:-}" != --always ] && [ -f .build/dashboard/index.html ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi
rm -f "$stamp"
"$node" --disable-warning=ExperimentalWarning dashboard/build/main.ts
echo "$wanted" >"$stamp"
