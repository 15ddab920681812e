#!/bin/sh
# Installs Debian's packages that tests and comparisons want: those of the named suites of scripts/debian-packages that are not here,
# together. Only as root; else it says what to install. Nothing is started or enabled: a test starts its own, in a temporary folder.
#   install-debian.sh all | SUITE...
# Without a package what wants it is left out and says so; so it is no failure when one cannot be had.
set -u
scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
list=$scripts/debian-packages
lock_within_s=300

say() { echo "install-debian: $*" >&2; }

# The packages of these suites whose programs are not here.
missing() {
  while read -r suite package check; do
    case $suite in '' | '#'*) continue ;; esac
    case " $* " in *" all "* | *" $suite "*) sh -c "$check" >/dev/null 2>&1 || echo "$package" ;; esac
  done <"$list"
}

for suite in "$@"; do
  [ "$suite" = all ] || grep -q "^$suite " "$list" || { say "no suite $suite in scripts/debian-packages"; exit 2; }
done
wanted=$(missing "$@" | tr '\n' ' ')
[ -n "$wanted" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  say "not on this machine: $wanted(what needs them is left out); install them with your system's packages"
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  say "not on this machine: $wanted(what needs them is left out); run: sudo apt-get install --no-install-recommends $wanted"
  exit 0
fi

# Debian would start servers, and make a PostgreSQL cluster, as a side effect of installing them.
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}
mark='# of bandpass, while it installs'
if [ ! -e "$policy" ] || grep -qxF "$mark" "$policy"; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive

# Tries until another program's lock is gone: apt-get waits for dpkg's alone, and dpkg for none.
patiently() {
  until_s=$(($(date +%s) + lock_within_s))
  while :; do
    said=$("$@" 2>&1) && return 0
    echo "$said" >&2
    echo "$said" | grep -Eqi 'could not get lock|unable to lock|is locked by|frontend lock' || return 1
    [ "$(date +%s)" -lt "$until_s" ] || return 1
    sleep 1
  done
}
# Without a network it gives up soon.
apt() { patiently apt-get -q -o "DPkg::Lock::Timeout=$lock_within_s" -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@"; }
install() { apt install -y --no-remove --no-install-recommends "$@"; }

say "installing $wanted"
# One that was cut off is finished first; until then apt-get refuses every other.
patiently dpkg --configure -a || say 'could not finish an earlier installation; see above'
apt update || say 'could not ask for newer lists of packages; see above'
# shellcheck disable=SC2086
install $wanted || install --fix-broken $wanted || for package in $wanted; do install "$package"; done

# The package would have it run from the next start of the machine on.
case " $wanted" in *" prometheus "*) ! command -v systemctl >/dev/null 2>&1 || systemctl disable prometheus.service >/dev/null 2>&1 ;; esac

left=$(missing "$@" | tr '\n' ' ')
[ -z "$left" ] || say "could not install $left(what needs them is left out); see above"
exit 0
