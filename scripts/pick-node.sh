#!/bin/sh
# Prints the Node that the project runs on: the local one in .node/ if set-up brought it, else the one on PATH if it will do.
# It will do when it runs TypeScript directly and leaves SIGUSR1 alone when told to (22.18 or newer, 23.7 or newer) and, on Linux with glibc, when uWebSockets.js has a binary for it.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)

if [ -x "$root/.node/bin/node" ]; then
  echo "$root/.node/bin/node"
  exit 0
fi

# Written for any old Node, since its purpose is to turn old ones away.
will_do='
var version = process.versions.node.split(".").map(Number), major = version[0], minor = version[1]
var runsTypeScript = (major === 22 && minor >= 18) || (major === 23 && minor >= 7) || major > 23
if (!runsTypeScript) process.exit(1)
process.report.excludeNetwork = true
var header = process.report.getReport().header
if (typeof header === "string" || !header.glibcVersionRuntime) process.exit(0)
var glibc = header.glibcVersionRuntime.split(".").map(Number)
var newGlibc = glibc[0] > 2 || glibc[1] >= 38
var hasListener = major === 22 || major === 23 || ((major === 24 || major === 26) && newGlibc)
process.exit(hasListener ? 0 : 1)
'
if command -v node >/dev/null 2>&1 && node -e "$will_do" >/dev/null 2>&1; then
  command -v node
  exit 0
fi
exit 1
