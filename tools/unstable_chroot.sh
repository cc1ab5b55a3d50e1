#!/bin/bash
# unstable_chroot.sh - makes a Debian unstable root with the newest CPythons, for tools/test_versions.sh.
#
#   tools/unstable_chroot.sh          prints the folder on stdout, all else on stderr
#
# The folder is $TONNAGE_CHROOT, else ${XDG_CACHE_HOME:-~/.cache}/tonnage/unstable: 600 MB, a minute on a good line.
# A ready one is left alone. A chroot and not pinned packages, since unstable brings its own glibc. Needs root and
# debootstrap; the mirror is the one this machine's apt uses.
set -euo pipefail
exec </dev/null

folder=${TONNAGE_CHROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/tonnage/unstable}
packages=python3.13-dev,python3.14-dev,python3.15-dev,libpython3.14-testsuite,libpython3.15-testsuite,gcc,ccache,libzstd-dev,libxxhash-dev,ca-certificates

say() { printf 'unstable_chroot: %s\n' "$*" >&2; }

ready() {
    local minor
    for minor in 14 15; do # of 3.13 other releases are here
        [ -e "$folder/usr/lib/python3.$minor/test/test_gc.py" ] || return 1
    done
    for minor in 13 14 15; do
        [ -x "$folder/usr/bin/python3.$minor" ] && [ -e "$folder/usr/include/python3.$minor/Python.h" ] || return 1
    done
    [ -x "$folder/usr/bin/gcc" ] && [ -e "$folder/usr/include/zstd.h" ] && [ -e "$folder/usr/include/xxhash.h" ]
}

# The first Debian mirror of apt's sources, without the date of a snapshot archive.
mirror() {
    {
        sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null || true
        sed -n 's/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]\+\)\?\([^[:space:]]*\).*/\2/p' \
            /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true
    } | grep -E '/debian/?([0-9TZ]+/?)?$' | sed -E 's#/archive/debian/[0-9TZ]+/?$#/debian#' | head -1
}

if ready; then
    printf '%s\n' "$folder"
    exit 0
fi
[ "$(id -u)" = 0 ] || { say "needs root"; exit 1; }
command -v debootstrap >/dev/null || { say "needs debootstrap"; exit 1; }
url=$(mirror)
[ -n "$url" ] || { say "no Debian mirror in this machine's apt sources"; exit 1; }

say "making $folder"
mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
if ! timeout 900 debootstrap --variant=minbase --include="$packages" unstable "$work" "$url" >"$work.log" 2>&1; then
    tail -5 "$work.log" >&2
    rm -f "$work.log"
    say "debootstrap failed, or took more than 15 minutes"
    exit 1
fi
rm -f "$work.log"
rm -rf "$work"/var/cache/apt/archives/*.deb
chmod 755 "$work"
[ ! -e "$folder" ] || mv "$folder" "$folder.old.$$"
mv "$work" "$folder"
rm -rf "$folder.old.$$"
trap - EXIT
ready || { say "$folder is not complete"; exit 1; }
printf '%s\n' "$folder"
