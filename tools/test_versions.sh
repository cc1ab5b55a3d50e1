#!/bin/bash
# test_versions.sh - the Python tests on every CPython of 3.11 to 3.15 but the one of .venv.
#
#   tools/test_versions.sh RESULTS            a folder inside this checkout
#
# Looks for interpreters with headers among pyenv's, on PATH and in /usr/bin, then, with TONNAGE_UNSTABLE=1 and for minors
# still missing, in the Debian unstable root of tools/unstable_chroot.sh (which root may make). Each gets a venv of its
# own, build-versions/venv-X.Y.Z. Writes RESULTS/X.Y.Z.xml (junit) and one line a version in RESULTS/tested: `X.Y.Z built`
# or what failed. TONNAGE_TESTS names the tests (default tests/python).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null
root=$PWD

results=$(realpath -m "${1:?where do results go}")
mkdir -p "$results" build-versions
: >"$results/tested"
read -ra tests <<<"${TONNAGE_TESTS:-tests/python}"
main=$(.venv/bin/python -c 'import sys; print(sys.version_info.minor)')

say() { printf 'versions: %s\n' "$*"; }

full_version() { "$1" -c 'import platform; print(platform.python_version())'; }

# A CPython with the global lock, with headers, of the minor asked for.
usable() { # python minor
    "$1" -c 'import os, sys, sysconfig
sys.exit(not (sys.implementation.name == "cpython" and sys.version_info[:2] == (3, int(sys.argv[1]))
              and not sysconfig.get_config_var("Py_GIL_DISABLED")
              and os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))))' "$2" 2>/dev/null
}

find_python() { # minor
    local candidate
    for candidate in $(printf '%s\n' ~/.pyenv/versions/3."$1".*/bin/python3."$1" | sort -rV) \
        "$(type -P "python3.$1" || true)" "/usr/bin/python3.$1" "/usr/local/bin/python3.$1"; do
        if [ -x "$candidate" ] && usable "$candidate" "$1"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

# What runs with an interpreter, here and in the chroot alike: venv, build, tests.
#   PYTHON BOOT RESULTS VERSION TESTS…       BOOT: a folder with pip where venv has no ensurepip, else empty
# What has no wheel yet for an interpreter is compiled, numpy excepted; what that fails for is left out and named.
cat >build-versions/one.sh <<'INNER'
set -uo pipefail
python=$1 boot=$2 results=$3 version=$4
shift 4
venv=$PWD/build-versions/venv-$version
bin=$venv/bin
fail() { echo "$version $1" >>"$results/tested"; exit 0; }
stamp=$venv/.ready.$(cat tools/requirements-build.txt tools/requirements-test.txt | cksum | tr ' ' -)
if [ ! -e "$stamp" ]; then
    rm -rf "$venv"
    if [ -n "$boot" ]; then
        "$python" -m venv --without-pip "$venv" && PYTHONPATH=$boot "$bin/python" -m pip install -q --ignore-installed pip ||
            fail no-venv
    else
        "$python" -m venv "$venv" || fail no-venv
    fi
    "$bin/python" -m pip install -q --disable-pip-version-check -U 'pip>=23.1' || true
    "$bin/python" -m pip install -q --disable-pip-version-check -r tools/requirements-build.txt || fail no-build-tools
    if ! "$bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: \
        -r tools/requirements-test.txt 2>/dev/null; then
        while read -r requirement; do
            case $requirement in '' | '#'*) continue ;; esac
            "$bin/python" -m pip install -q --disable-pip-version-check --only-binary numpy "$requirement" 2>/dev/null ||
                echo "versions: $version: no $requirement"
        done <tools/requirements-test.txt
    fi
    touch "$stamp"
fi
PATH=$bin:$PATH "$bin/python" -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps \
    --force-reinstall -Cbuild-dir="build-versions/build-$version" . || fail does-not-build
PATH=$bin:$PATH "$bin/python" -m pytest -q -p no:cacheprovider --junitxml="$results/$version.xml" "$@"
echo "$version built" >>"$results/tested"
INNER

missing=()
for minor in 11 12 13 14 15; do
    [ "$minor" != "$main" ] || continue
    if python=$(find_python "$minor"); then
        version=$(full_version "$python")
        say "$version ($python)"
        bash build-versions/one.sh "$python" "" "$results" "$version" "${tests[@]}"
    else
        missing+=("$minor")
    fi
done

[ ${#missing[@]} -gt 0 ] && [ -n "${TONNAGE_UNSTABLE:-}" ] || exit 0
if [ "$(id -u)" != 0 ] || ! chroot=$(tools/unstable_chroot.sh); then
    say "no Debian unstable root: not tested: ${missing[*]/#/3.}"
    exit 0
fi

# The unstable root gets this checkout bound to /mnt, /proc and a /tmp of its own, all gone with the mount namespace.
boot=build-versions/boot
.venv/bin/python -m pip install -q --disable-pip-version-check --upgrade --target "$boot" pip
cp -f "${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" build-versions/certificates.crt
cp -fL /etc/resolv.conf "$chroot/etc/resolv.conf"
mkdir -p "$results"
for minor in "${missing[@]}"; do
    python=/usr/bin/python3.$minor
    [ -x "$chroot$python" ] || continue
    version=$(chroot "$chroot" "$python" -c 'import platform; print(platform.python_version())') || continue
    say "$version ($chroot)"
    # shellcheck disable=SC2016
    unshare --mount bash -c '
        set -e
        chroot=$1 root=$2 results=$3; shift 3
        mount -t proc proc "$chroot/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$chroot/tmp"
        mkdir -p "$chroot/mnt"
        mount --bind "$root" "$chroot/mnt"
        mount --bind /dev "$chroot/dev"
        kept=()
        for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL \
            PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT; do
            [ -z "${!name:-}" ] || kept+=("$name=${!name}")
        done
        exec chroot "$chroot" env -i HOME=/tmp LANG=C.UTF-8 PATH=/usr/bin:/bin "${kept[@]}" \
            PIP_CERT=/mnt/build-versions/certificates.crt SSL_CERT_FILE=/mnt/build-versions/certificates.crt \
            bash -c "cd /mnt && exec bash build-versions/one.sh \"\$@\"" one "$@"' \
        versions "$chroot" "$root" "$results" \
        "$python" "/mnt/$boot" "/mnt/${results#"$root"/}" "$version" "${tests[@]}" ||
        echo "$version chroot-failed" >>"$results/tested"
done
