#!/bin/bash
# test_versions.sh - the Python tests on every CPython of 3.11 to 3.15 but the one of .venv.
#
#   tools/test_versions.sh RESULTS            a folder inside this checkout
#
# Looks for interpreters with headers among pyenv's, on PATH and in /usr/bin, then in the Debian unstable root of
# tools/unstable_chroot.sh, which root may make (TONNAGE_UNSTABLE=0: not there). The newest of each minor gets all tests;
# of those between the oldest and the newest most, without those of C code that only reads files: it is the same for all,
# and none gets those that hypothesis draws, all of which are of such files;
# another patch release of the same minor (that of .venv, too) gets the few of layout and capture if its layout table is one
# that no other interpreter here has. Each gets a venv of its own, build-versions/venv-X.Y.Z. Writes RESULTS/X.Y.Z.xml
# (junit) and one line a version in RESULTS/tested: `X.Y.Z built all`, `… most` or `… few`, `X.Y.Z failed WHAT`, or `3.Y
# untested WHY` where this machine, not tonnage, is the reason: no interpreter, no network, no right to mount.
# TONNAGE_TESTS names the tests of all (default tests/python tests/cli without those of hypothesis).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null
root=$PWD

results=$(realpath -m "${1:?where do results go}")
boot=build-versions/boot
mkdir -p "$results" build-versions
: >"$results/tested"
# What reads files that are drawn at random is C code that is the same for all: the interpreter of .venv has shown it.
tests=(-m 'not hypothesis' tests/python tests/cli)
[ -z "${TONNAGE_TESTS:-}" ] || read -ra tests <<<"$TONNAGE_TESTS"
few=(tests/python/test_layout.py tests/python/test_capture_census.py tests/python/test_capture_references.py)
main=$(.venv/bin/python -c 'import sys; print(sys.version_info.minor)')

say() { printf 'versions: %s\n' "$*"; }

untested() { # minor why
    say "not tested: 3.$1: $2"
    printf '3.%s untested %s\n' "$1" "$2" >>"$results/tested"
}

full_version() { "$1" -c 'import platform; print(platform.python_version())'; }

# A CPython with the global lock, with headers, of the minor asked for.
usable() { # python minor
    "$1" -c 'import os, sys, sysconfig
sys.exit(not (sys.implementation.name == "cpython" and sys.version_info[:2] == (3, int(sys.argv[1]))
              and not sysconfig.get_config_var("Py_GIL_DISABLED")
              and os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))))' "$2" 2>/dev/null
}

full_version_in() { chroot "$1" "$2" -c 'import platform; print(platform.python_version())'; } # root python

# Layout tables of the interpreters so far: a release without one of its own is of no interest here.
tables=" "
seen() { # version; 0: another one has its table
    local table
    table=$(.venv/bin/python tools/layout_ranges.py "$1")
    case $tables in *" $table "*) return 0 ;; esac
    tables+="$table "
    return 1
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
#   PYTHON BOOT RESULTS VERSION SHARE TESTS…     BOOT: a folder with pip where venv has no ensurepip, else empty;
#                                                SHARE: all, most or few, to be told
# What has no wheel yet for an interpreter is compiled, numpy and pandas excepted; what that fails for is left out and named.
cat >build-versions/one.sh <<'INNER'
set -uo pipefail
python=$1 boot=$2 results=$3 version=$4 share=$5
shift 5
venv=$PWD/build-versions/venv-$version
bin=$venv/bin
finish() { # outcome
    [ "$1" = "built $share" ] || echo "versions: $version $1"
    echo "$version $1" >>"$results/tested"
    exit 0
}
stamp=$venv/.ready.$(cat tools/requirements-build.txt tools/requirements-test.txt | cksum | tr ' ' -)
if [ ! -e "$stamp" ]; then
    rm -rf "$venv"
    if [ -n "$boot" ]; then
        "$python" -m venv --without-pip "$venv" && PYTHONPATH=$boot "$bin/python" -m pip install -q --ignore-installed pip ||
            finish "untested no venv with pip could be made"
    else
        "$python" -m venv "$venv" || finish "untested no venv with pip could be made"
    fi
    "$bin/python" -m pip install -q --disable-pip-version-check -U 'pip>=23.1' || true
    fill() { "$bin/python" -m pip install -q --disable-pip-version-check "$@"; }
    fill -r tools/requirements-build.txt || { sleep 10 && fill -r tools/requirements-build.txt; } ||
        finish "untested no build tools from PyPI"
    if ! fill --only-binary :all: -r tools/requirements-test.txt 2>/dev/null; then
        while read -r requirement; do
            case $requirement in '' | '#'*) continue ;; esac
            fill --only-binary numpy,pandas,pyarrow,duckdb "$requirement" 2>/dev/null ||
                echo "versions: $version: no $requirement"
        done <tools/requirements-test.txt
    fi
    has_tools() {
        "$bin/python" -c 'import hypothesis, networkx, pytest, pytest_timeout, xdist, xxhash, zstandard' 2>/dev/null
    }
    has_tools || { fill hypothesis networkx pytest pytest-timeout pytest-xdist xxhash zstandard && has_tools; } ||
        finish "untested no test tools from PyPI"
    touch "$stamp"
fi
# As deep as build/: where there is ccache, what does not depend on the interpreter is compiled once, and Meson finds it.
# What another Meson, compiler or place has left there may not build: then all of it is built again.
build() {
    PATH=$bin:$PATH "$bin/python" -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps \
        --force-reinstall -Cbuild-dir="build-$version" .
}
left_over=
[ ! -e "build-$version" ] || left_over=1
if ! build; then
    [ -n "$left_over" ] && rm -rf "build-$version" && build || finish "failed does not build"
fi
# What fails when a call of the system fails is C code that is the same for all: the interpreter of .venv has shown it.
left_out=()
if [ "$share" = most ]; then
    for name in python/test_dominators python/test_set_edges python/test_format python/test_core_failures \
        python/test_export_tables python/test_export_sql python/test_layers python/test_habits python/test_groups \
        python/test_places python/test_suspects python/test_sets python/test_pictures python/test_parted_views \
        python/test_retained python/test_patterns python/test_diff python/test_diff_words python/test_grows \
        python/test_profiles python/test_profile python/test_cpu_profiles python/test_plop_dumps \
        python/test_tracemalloc_dumps python/test_sites python/test_sites_changes python/test_cycles \
        python/test_paths python/test_why python/test_coexist_servers cli/test_cli_selection cli/test_cli_previews \
        cli/test_cli_paths cli/test_cli_index cli/test_cli_graph cli/test_cli_profiles cli/test_cli_sites \
        cli/test_cli_cycles cli/test_cli_profile cli/test_cli_pages cli/test_cli_answers \
        cli/test_cli_bad_input cli/test_cli_export \
        cli/test_heapsnapshot cli/test_meliae; do
        left_out+=("--ignore=tests/$name.py")
    done
fi
PLANTED_MODES=stop TONNAGE_CLI=$bin/tonnage PATH=$bin:$PATH "$bin/python" tools/run_pytest.py "$results/$version.xml" \
    --ignore=tests/python/test_failing_calls.py --ignore=tests/cli/test_cli_failures.py \
    --ignore=tests/python/test_bench.py "${left_out[@]}" \
    -n "$((($(nproc) * 3 + 1) / 2))" --dist=worksteal "$@"
finish "built $share"
INNER

seen "$(full_version .venv/bin/python)" || true
share_of() { # minor
    case $1 in
    12 | 13 | 14) [ -n "${TONNAGE_TESTS:-}" ] && echo all || echo most ;;
    *) echo all ;;
    esac
}
missing=()
for minor in 11 12 13 14 15; do
    [ "$minor" != "$main" ] || continue
    if python=$(find_python "$minor"); then
        version=$(full_version "$python")
        say "$version ($python)"
        seen "$version" || true
        bash build-versions/one.sh "$python" "" "$results" "$version" "$(share_of "$minor")" "${tests[@]}"
    else
        missing+=("$minor")
    fi
done
for python in $(printf '%s\n' ~/.pyenv/versions/3.*/bin/python3 | sort -rV); do
    version=$(full_version "$python")
    minor=${version#3.}
    minor=${minor%%.*}
    case " 11 12 13 14 15 " in *" $minor "*) ;; *) continue ;; esac
    if usable "$python" "$minor" && ! seen "$version"; then
        say "$version ($python): another layout"
        bash build-versions/one.sh "$python" "" "$results" "$version" few "${few[@]}"
    fi
done

why=
if [ "${TONNAGE_UNSTABLE:-1}" = 0 ]; then
    why="no interpreter here, and TONNAGE_UNSTABLE=0"
elif [ "$(id -u)" != 0 ]; then
    why="no interpreter here; the Debian unstable root needs root"
elif ! unshare --mount mount -t tmpfs tmpfs /mnt 2>/dev/null; then
    why="no interpreter here; the Debian unstable root needs the right to mount"
elif ! chroot=$(tools/unstable_chroot.sh); then
    why="no interpreter here, and no Debian unstable root could be made"
elif [ ! -e "$boot/pip/__init__.py" ] &&
    ! .venv/bin/python -m pip install -q --disable-pip-version-check --upgrade --target "$boot" pip; then
    why="no interpreter here; the Debian unstable root needs pip from PyPI"
fi
if [ -n "$why" ]; then
    for minor in "${missing[@]}"; do untested "$minor" "$why"; done
    exit 0
fi

# The unstable root gets this checkout bound to /mnt, /proc and a /tmp of its own, all gone with the mount namespace.
cp -f "${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" build-versions/certificates.crt
cp -fL /etc/resolv.conf "$chroot/etc/resolv.conf"
in_root() { # python version share tests…
    local python=$1 version=$2
    shift 2
    say "$version ($chroot)"
    # shellcheck disable=SC2016
    unshare --mount bash -c '
        set -e
        chroot=$1 root=$2 results=$3; shift 3
        mount -t proc proc "$chroot/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$chroot/tmp"
        mkdir -p "$chroot/mnt"
        mount --bind "$root" "$chroot/mnt"
        mount --rbind /dev "$chroot/dev"
        kept=()
        for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL \
            PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT; do
            [ -z "${!name:-}" ] || kept+=("$name=${!name}")
        done
        exec chroot "$chroot" env -i HOME=/tmp LANG=C.UTF-8 PATH=/usr/bin:/bin "${kept[@]}" \
            CCACHE_DIR=/mnt/build-versions/ccache PIP_CERT=/mnt/build-versions/certificates.crt SSL_CERT_FILE=/mnt/build-versions/certificates.crt \
            bash -c "cd /mnt && exec bash build-versions/one.sh \"\$@\"" one "$@"' \
        versions "$chroot" "$root" "$results" \
        "$python" "/mnt/$boot" "/mnt/${results#"$root"/}" "$version" "$@" ||
        echo "$version failed in the Debian unstable root" >>"$results/tested"
}

for minor in "${missing[@]}"; do
    python=/usr/bin/python3.$minor
    if [ ! -x "$chroot$python" ] || ! version=$(full_version_in "$chroot" "$python"); then
        untested "$minor" "neither here nor in the Debian unstable root"
        continue
    fi
    seen "$version" || true
    in_root "$python" "$version" "$(share_of "$minor")" "${tests[@]}"
done
for minor in 11 12 13 14 15; do
    python=/usr/bin/python3.$minor
    if [ -x "$chroot$python" ] && version=$(full_version_in "$chroot" "$python") && ! seen "$version"; then
        in_root "$python" "$version" few "${few[@]}"
    fi
done
