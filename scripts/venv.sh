#!/usr/bin/env bash
# Make the virtual environment DIR (default: .venv beside the Makefile), if it is not there yet.
#
# usage: scripts/venv.sh [DIR]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/say.sh
. "$here/say.sh"
# shellcheck source=scripts/apt.sh
. "$here/apt.sh"

venv=${1:-$here/../.venv}
if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  exit 0
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "python3 is $(python3 --version 2>&1), but 3.11 or newer is needed."
# Debian's python3 has no ensurepip, and venv notices only when half of the environment is made.
python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
python3 -m venv --clear "$venv"
