#!/usr/bin/env bash
# Gate the example server: record a baseline where this machine has none, then run the gate.
#
# usage: scripts/demo.sh [dev|slow]     slow: gate the deliberately slower build, which ends red
# BASES: see scripts/images.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/say.sh
. "$here/say.sh"

variant=${1:-dev}
root=$(cd "$here/.." && pwd)
demo=$root/build/demo
pytest=$root/.venv/bin/pytest

if "$here/engine.sh"; then
  runtime=docker
  "$here/images.sh" "${BASES:-auto}"
  eval "$("$here/engine.sh" env)"
else
  runtime=process
  "$here/server.sh"
fi
baselines=$demo/baselines-$runtime
report=$demo/report-$variant.json
mkdir -p "$demo"
cd "$root/examples/classifier"

gate() { "$pytest" --modelgate --modelgate-runtime "$runtime" --modelgate-baselines "$baselines" "$@"; }

if [ -z "$(find "$baselines" -name baseline.json 2>/dev/null)" ]; then
  say "" "This machine has no baseline yet: recording one from the dev build."
  "$here/candidate.sh" dev
  gate --update-baseline || {
    say "" "If the machine was too busy for that, more runs may do:"
    gate --update-baseline --modelgate-runs 15
  }
fi
say ""
"$here/candidate.sh" "$variant"
gate --modelgate-json "$report"
