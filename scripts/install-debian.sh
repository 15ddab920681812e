#!/bin/sh
# Brings packages of Debian that something here is tested or compared with. Only as root; else it says what to install. None is
# started or enabled: whoever needs one starts its own, in a temporary folder.
#   install-debian.sh WHO LEFT_OUT PACKAGE...      LEFT_OUT says what happens without them
set -eu
who=$1
left_out=$2
shift 2

say() { echo "$who: $*" >&2; }

if ! command -v apt-get >/dev/null 2>&1; then
  say "not on this machine: $*; install them with your system's packages, or $left_out"
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  say "not on this machine: $*; run: sudo apt-get install --no-install-recommends $* (else $left_out)"
  exit 0
fi

# Debian would start servers, and make a PostgreSQL cluster, as a side effect of installing them.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  made_policy=yes
fi
trap '[ -z "$made_policy" ] || rm -f "$policy"' EXIT
export DEBIAN_FRONTEND=noninteractive
say "installing $*"
# Without a network it gives up soon; another that installs is waited for.
apt() { apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@"; }
if ! { apt update && apt install -y --no-install-recommends "$@"; } >&2; then
  say "could not install $*; $left_out"
fi
