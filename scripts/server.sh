#!/usr/bin/env bash
# Build the example server for this machine, as it is and deliberately slower, each with the files
# that it needs beside it: examples/classifier/server/build/dev and build/slow.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/say.sh
. "$here/say.sh"
# shellcheck source=scripts/apt.sh
. "$here/apt.sh"
cd "$here/../examples/classifier/server"

can_compile() {
  local compiler
  compiler=$(command -v "${CC:-gcc}" || command -v cc) &&
    echo '#include <stdlib.h>' | "$compiler" -E -x c - >/dev/null 2>&1
}

"$here/venv.sh"
../../../.venv/bin/python fetch.py
can_compile || install_packages gcc libc6-dev

build() { # build VARIANT GO_ARGUMENT…
  local variant=$1
  shift
  say "Building examples/classifier/server/build/$variant/classifier"
  mkdir -p "build/$variant"
  # No commit in the binary: the same source gives the same image.
  CGO_ENABLED=1 "$here/go.sh" build -trimpath -buildvcs=false -ldflags='-s -w' "$@" \
    -o "build/$variant/classifier" .
  local file
  for file in assets/*; do
    ln -sfn "../../$file" "build/$variant/"
  done
}

build dev
build slow -tags slow
