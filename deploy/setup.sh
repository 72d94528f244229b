#!/bin/sh
# What does a fresh Debian 12 lack to build Vestibule, or to run its tests?
#
# Says nothing and takes a fraction of a second when nothing is missing. Starts no service, changes no settings.
# Exit codes: 0 all there · 1 a package could not be installed · 2 usage · 69 not Debian · 77 neither root nor sudo.
set -eu

usage() {
    cat <<'TEXT'
usage: sh deploy/setup.sh [--tests]

Installs, with apt-get, what is missing on this machine:
  to build   compiler, linker, cmake, git, curl and the certificates to reach crates.io
  --tests    also what the tests use: Chromium with its driver, a Japanese font, promtool, PyJWT, aiosmtpd, zbarimg, sslscan, slowhttptest,
             a calendar with its server (vdirsyncer, Radicale), and the servers that the gateway is compared with: nginx, Apache,
             lighttpd, HAProxy, Node, gunicorn

Rust itself comes with rustup (https://rustup.rs). Run this as root, or as somebody who may use sudo.
TEXT
}

wanted="build-essential ca-certificates cmake curl git"
# prometheus brings promtool. None of these is ever started as a service; the tests start their own, as processes.
for_tests="apache2 chromium chromium-driver fonts-noto-cjk gunicorn haproxy lighttpd nginx nodejs prometheus"
for_tests="$for_tests python3-aiosmtpd python3-cryptography python3-jwt radicale slowhttptest sslscan vdirsyncer zbar-tools"
services="apache2 haproxy lighttpd nginx prometheus radicale"

while [ $# -gt 0 ]; do
    case $1 in
    --tests) wanted="$wanted $for_tests" ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done

say() { echo "setup: $*"; }
stop() { code=$1 && shift && say "$*" >&2 && exit "$code"; }

if [ -z "${SUDO_USER:-}" ] && ! command -v cargo >/dev/null 2>&1; then
    say "Rust is missing: install it with rustup, see https://rustup.rs" >&2
fi
if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    stop 69 "this is not Debian, so please install the equivalents of: $wanted"
fi

# dpkg-query fails when it knows nothing about one of the names; what it prints about the others still counts.
# shellcheck disable=SC2016,SC2086 # the format is dpkg's, and the list is meant to be split
present=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p') || true
missing=
for package in $wanted; do
    echo "$present" | grep -qx "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1; then
    as_root=sudo
else
    stop 77 "run this as root, or install sudo; missing:$missing"
fi
say "installing$missing"

# Debian starts a service when its package is installed, unless this file forbids it. One that is there already stays.
policy=/usr/sbin/policy-rc.d
ours=
log=$(mktemp)
clean_up() {
    rm -f "$log"
    [ -z "$ours" ] || $as_root rm -f "$ours"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e $policy ]; then
    ours=$policy
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
fi

# What apt-get says is of interest only when it fails.
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        stop 1 "apt-get $1 failed, what it said is above; missing:$missing"
    }
}
apt update
# shellcheck disable=SC2086 # meant to be split
apt install --yes --no-install-recommends $missing

# Not at the next start of the machine either: only where we brought the service ourselves.
if command -v systemctl >/dev/null 2>&1; then
    for service in $services; do
        case "$missing " in
        *" $service"[\ -]*) $as_root systemctl --quiet disable "$service" 2>/dev/null || true ;;
        esac
    done
fi
say "done"
