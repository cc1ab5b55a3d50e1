#!/bin/bash
# soak.sh - the long tests (= `make soak`): every fuzz target for SOAK_SECONDS (default 300; 0: none) under ASan and
# UBSan, then CPython's own tests and those of some packages under `tonnage run --every`.
#
# Needs clang. Fuzzing starts from fuzz/corpus/TARGET; what is found new stays in build-fuzz/corpus, what crashes in
# build-fuzz/crashes. What is run under us is in tests/soak/soak.toml: SOAK_MODULES="test_gc test_io" names the modules
# (default all), SOAK_EVERY the interval (1), SOAK_TIMEOUT the seconds of one run of one module (600). Ends with 1 when
# anything crashed or was not the same under us.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

seconds=${SOAK_SECONDS:-300}
PATH="$PWD/.venv/bin:$PATH"

problems=0

build_fuzzers() {
    [ -e build-fuzz/build.ninja ] ||
        CC=clang meson setup build-fuzz -Dfuzz=true -Dpython=false -Dcli=false --buildtype=debugoptimized \
            -Db_ndebug=false -Db_sanitize=address,undefined -Db_lundef=false >/dev/null || return
    meson compile -C build-fuzz >/dev/null
}

fuzz() {
    local target name folder seeds failed=0 targets=0
    shopt -s nullglob
    for target in build-fuzz/fuzz/fuzz_*; do
        [ -f "$target" ] && [ -x "$target" ] || continue
        name=$(basename "$target")
        targets=$((targets + 1))
        mkdir -p "build-fuzz/corpus/$name" build-fuzz/crashes
        seeds=()
        for folder in fuzz/corpus/"${name#fuzz_}" fuzz/corpus/"$name" fuzz/corpus tests/golden; do
            [ ! -d "$folder" ] || { seeds+=("$folder"); break; }
        done
        if "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -artifact_prefix="build-fuzz/crashes/$name-" \
            -print_final_stats=1 "build-fuzz/corpus/$name" "${seeds[@]}" >"build-fuzz/$name.log" 2>&1; then
            echo "soak: $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "build-fuzz/$name.log") runs, no crash"
        else
            echo "soak: $name: failed, see build-fuzz/$name.log"
            failed=$((failed + 1))
        fi
    done
    [ "$targets" -gt 0 ] || { echo "soak: no fuzz target was built"; problems=1; }
    echo "soak: $targets targets, $failed failed"
    [ "$failed" -eq 0 ] || problems=1
}

# .venv-soak: the packages, and the tonnage that was just built.
install_packages() {
    local dist=build/soak-dist
    tools/bootstrap.sh soak
    rm -rf "$dist"
    python -m pip wheel -q --disable-pip-version-check --no-build-isolation --no-deps -Cbuild-dir=build -w "$dist" .
    .venv-soak/bin/python -m pip install -q --disable-pip-version-check --no-deps --force-reinstall "$dist"/tonnage-*.whl
}

if [ "$seconds" -gt 0 ]; then
    build_fuzzers
    fuzz
fi
install_packages
SOAK=whole python tools/run_tests.py regress || problems=1
exit "$problems"
