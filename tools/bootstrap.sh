#!/bin/bash
# bootstrap.sh - makes a machine able to build and test tonnage.
#
#   tools/bootstrap.sh [build] [test] [bench] [demo] [soak] [interop] [web]      default: build test
#
#   build  compiler, zstd, xxhash, Python headers; .venv with Meson
#   test   cmocka, clang with its runtime, valgrind, debootstrap, graphviz, ccache; pytest, mypy, ruff and friends in .venv
#   bench  wrk, which puts a service under load; memray in .venv
#   demo   what tools/demo.sh looks into, in .venv-demo
#   soak   packages whose tests tools/soak.sh runs under tonnage, in .venv-soak; Spark there, and a JRE for it
#   interop  programs that read what export writes: Chromium, Go with its pprof, and the loader of Meliae in .venv-interop
#   web    what the viewer is built of and tested by, in web/node_modules, and Chromium; Node 20.19 has to be there
#
# System packages come from apt where there is one (through sudo unless root); elsewhere their names are printed and the
# build goes on with what it finds. Python packages go into .venv only. Looks before it acts: a second run installs
# nothing and takes a second. PYTHON=… picks the interpreter (default python3), at least 3.11.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null
export DEBIAN_FRONTEND=noninteractive

PYTHON=${PYTHON:-python3}
groups=("$@")
[ $# -gt 0 ] || groups=(build test)

say() { printf 'bootstrap: %s\n' "$*"; }
die() { printf 'bootstrap: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

installed() { # package
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

apt_lists_ready() {
    [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -print -quit 2>/dev/null)" ]
}

# Installs what is missing of the packages named. A failure is told, and left to the build to judge.
packages() {
    local missing=() p
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        say "no apt here; needed are the equivalents of: $*"
        return 0
    fi
    for p in "$@"; do
        installed "$p" || missing+=("$p")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "apt: installing ${missing[*]}"
    apt_lists_ready || as_root apt-get update -qq || say "apt-get update failed"
    if ! as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
        # Old lists name versions that are gone.
        as_root apt-get update -qq || true
        as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
            say "could not install ${missing[*]}; going on with what is there"
    fi
}

# The sanitizer and fuzzer runtime of the clang that `clang` stands for.
clang_runtime() {
    local version
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -1)
    [ -z "$version" ] || printf 'libclang-rt-%s-dev\n' "$version"
}

has_headers() {
    "$PYTHON" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'
}

# As pip does, it tries again what a line drops; once more, what it has given up.
fill() { # folder, what pip install takes
    local folder=$1
    shift
    "$folder/bin/python" -m pip install -q --disable-pip-version-check "$@" ||
        { sleep 10 && "$folder/bin/python" -m pip install -q --disable-pip-version-check "$@"; }
}

# venv FOLDER REQUIREMENTS…: makes it, and fills it once for each state of the requirement files.
venv() {
    local folder=$1 file stamp
    shift
    if ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then # none, or one that was left half made
        say "making $folder with $("$PYTHON" --version)"
        "$PYTHON" -m venv "$folder"
        fill "$folder" 'pip>=23.1'
    fi
    for file; do
        stamp=$folder/.$(basename "$file").$(cksum <"$file" | tr ' ' -)
        [ ! -e "$stamp" ] || continue
        say "$folder: installing $file"
        fill "$folder" -r "$file"
        rm -f "$folder/.$(basename "$file")".*
        touch "$stamp"
    done
}

build_group() {
    packages gcc libc6-dev make pkg-config libzstd-dev libxxhash-dev
    command -v "$PYTHON" >/dev/null || packages python3
    command -v "$PYTHON" >/dev/null || die "no $PYTHON: name one with PYTHON=…"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$PYTHON is $("$PYTHON" --version 2>&1): at least 3.11 is needed; name one with PYTHON=…"
    has_headers || packages python3-dev
    has_headers || die "$PYTHON has no Python.h: install its development package"
    "$PYTHON" -c 'import ensurepip' 2>/dev/null || packages python3-venv
    venv .venv tools/requirements-build.txt
}

test_group() {
    # shellcheck disable=SC2046
    packages libcmocka-dev clang $(clang_runtime) valgrind debootstrap libjemalloc2 graphviz ccache
    venv .venv tools/requirements-build.txt tools/requirements-test.txt tools/requirements-lint.txt
}

bench_group() {
    packages wrk
    venv .venv tools/requirements-bench.txt
}

demo_group() {
    venv .venv-demo tools/requirements-build.txt tools/requirements-demo.txt
}

soak_group() {
    packages default-jre-headless
    venv .venv-soak tools/requirements-soak.txt
}

# Meliae's scanner is not built by the Pythons of today, its loader is.
meliae_loader() {
    local folder=.venv-interop source
    [ ! -e "$folder/.meliae" ] || return 0
    say "$folder: building the loader of Meliae"
    source=$(mktemp -d)
    "$folder/bin/python" -m pip download -q --disable-pip-version-check --no-deps --no-binary meliae \
        --no-build-isolation -d "$source" meliae==0.5.1
    tar -xzf "$source"/meliae-*.tar.gz -C "$source" --strip-components=1
    sed -i '/"meliae._scanner"/,/_scanner_core.c/d' "$source/setup.py"
    rm "$source"/meliae/_loader.c "$source"/meliae/_intset.c "$source"/meliae/_scanner.c # by an old Cython
    "$folder/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation "$source"
    rm -r "$source"
    touch "$folder/.meliae"
}

interop_group() {
    packages chromium
    command -v go >/dev/null || packages golang-go # any has pprof
    venv .venv-interop tools/requirements-interop.txt
    meliae_loader
}

# As the lock file says, once for each state of it. Not `npm ci`: it wants the binaries of every platform in that file.
web_group() {
    local stamp
    local is_recent='const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b > 18) ? 0 : 1)'
    packages chromium
    if ! command -v npm >/dev/null || ! node -e "$is_recent"; then
        say "no npm with Node 20.19 or later here: the viewer is not built again, the committed one is used"
        return 0
    fi
    stamp=web/node_modules/.$(cksum <web/package-lock.json | tr ' ' -)
    [ ! -e "$stamp" ] || return 0
    say "web/node_modules: installing"
    (cd web && { npm install --no-save --silent || { sleep 10 && npm install --no-save --silent; }; })
    touch "$stamp"
}

for group in "${groups[@]}"; do
    case $group in
    build | test | bench | demo | soak | interop | web) "${group}_group" ;;
    *) die "no group '$group'; there are build, test, bench, demo, soak, interop and web" ;;
    esac
done
