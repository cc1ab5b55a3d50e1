#!/bin/bash
# soak.sh - the long tests (= `make soak`): every fuzz target for SOAK_SECONDS (default 300), under ASan and UBSan.
#
# Needs clang. Starts from fuzz/corpus/TARGET; what is found new stays in build-fuzz/corpus, what crashes in
# build-fuzz/crashes. Ends with 1 when anything crashed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

seconds=${SOAK_SECONDS:-300}
PATH="$PWD/.venv/bin:$PATH"
if [ ! -e build-fuzz/build.ninja ]; then
    CC=clang meson setup build-fuzz -Dfuzz=true -Dpython=false -Dcli=false --buildtype=debugoptimized -Db_ndebug=false \
        -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
fi
meson compile -C build-fuzz >/dev/null

shopt -s nullglob
failed=0 targets=0
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
[ "$targets" -gt 0 ] || { echo "soak: no fuzz target was built"; exit 1; }
echo "soak: $targets targets, $failed failed"
[ "$failed" -eq 0 ]
