#!/bin/bash
# demo.sh - tonnage on two programs: Sphinx building this project's docs, and examples/leaky_service.py.
#
# Makes all it needs (.venv, .venv-demo, build/); network only for PyPI, and apt where something is missing. The files
# stay in build/demo for more questions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

tools/bootstrap.sh build demo
make --no-print-directory build

dist=build/demo-dist out=build/demo bin=.venv-demo/bin
rm -rf "$dist" "$out"
mkdir -p "$dist" "$out"
PATH="$PWD/.venv/bin:$PATH" .venv/bin/python -m pip wheel -q --disable-pip-version-check --no-build-isolation --no-deps \
    -Cbuild-dir=build -w "$dist" .
$bin/python -m pip install -q --disable-pip-version-check --no-deps --force-reinstall "$dist"/tonnage-*.whl

show() {
    printf '\n$ tonnage %s\n' "$*"
    "$bin/tonnage" "$@"
}

# One value of a view's JSON: VALUE-EXPRESSION of `view`, then verb, file and options.
ask() {
    local expression=$1
    shift
    "$bin/tonnage" "$@" --json | "$bin/python" -c 'import json, sys; view = json.load(sys.stdin); print(eval(sys.argv[1]))' \
        "$expression"
}

echo
echo "== 1. Sphinx builds docs/: what does it keep in memory when it is done?"
show run -o "$out/sphinx.tonnage" -m sphinx -q -C -b html -D extensions=myst_parser -D root_doc=format -D suppress_warnings=toc.not_included \
    -d "$out/doctrees" docs "$out/html"
show summary "$out/sphinx.tonnage" --limit 15
show largest "$out/sphinx.tonnage" --limit 10

echo
echo "== 2. A service that leaks: no session is open, so what are all these?"
show run -o "$out/leaky.tonnage" examples/leaky_service.py
show suspects "$out/leaky.tonnage"
show why "$out/leaky.tonnage" type:Session
show groups "$out/leaky.tonnage" --where module:__main__ --by rcs
show paths "$out/leaky.tonnage" --where type:Session --limit 2

echo
echo "== 3. Who made them? The same with every allocation recorded"
show run --trace -o "$out/made.tonnage" examples/leaky_service.py
show survivors "$out/made.tonnage" --limit 3
show creators "$out/made.tonnage" --include leaky_service.py --limit 3 --depth 2
show sites "$out/made.tonnage" --include leaky_service.py --retained --limit 3

holder=$(ask 'view["rows"][0]["path"]' suspects "$out/leaky.tonnage")
kept=$(ask '"%.1f MiB" % (view["rows"][0]["size"] / 2**20)' suspects "$out/leaky.tonnage")
sessions=$(ask 'view["total"]["count"]' summary "$out/leaky.tonnage" --where type:Session)
line=$(ask 'view["rows"][0]["name"].rpartition("/")[2]' survivors "$out/made.tonnage")
cat <<END

Found: $sessions closed sessions are in memory; $holder holds them, and $kept with them. Line $line keeps most.
Ask more of $out/leaky.tonnage with $bin/tonnage.
END
