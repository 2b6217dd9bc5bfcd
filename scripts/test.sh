#!/usr/bin/env bash
# The whole suite: the Go servers' own tests, then pytest with coverage of lines and branches.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
eval "$(scripts/engine.sh env)"

for module in tests/faults/server examples/classifier/server; do
  echo "go test: $module"
  (cd "$module" && "$here/go.sh" test ./...)
done

# Not pytest --cov: the plugin under test is imported before pytest-cov starts to measure.
.venv/bin/coverage erase
.venv/bin/coverage run -m pytest "$@"
.venv/bin/coverage combine --quiet
.venv/bin/coverage report
