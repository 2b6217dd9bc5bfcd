#!/usr/bin/env bash
# Choose the build that the example's gate judges: dev, or the deliberately slower one. It becomes the
# image modelgate-example/classifier:candidate and the folder examples/classifier/server/build/candidate.
#
# usage: scripts/candidate.sh dev|slow
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/say.sh
. "$here/say.sh"

case ${1:-} in
  dev | slow) variant=$1 ;;
  *) die "usage: scripts/candidate.sh dev|slow" ;;
esac
repository=modelgate-example/classifier
build=$here/../examples/classifier/server/build
chosen=

# Nothing of an earlier choice may stay: a gate that judged the other build would be worse than none.
rm -f "$build/candidate"
engine_cli=
if engine=$("$here/engine.sh" env); then
  eval "$engine"
fi
if [ -n "$engine_cli" ]; then
  "$engine_cli" image rm "$repository:candidate" >/dev/null 2>&1 || true
  if "$engine_cli" image inspect "$repository:$variant" >/dev/null 2>&1; then
    "$engine_cli" tag "$repository:$variant" "$repository:candidate"
    chosen="image $repository:$variant"
  fi
fi
if [ -x "$build/$variant/classifier" ]; then
  ln -sfn "$variant" "$build/candidate"
  chosen="${chosen:+$chosen and }server/build/$variant"
fi
[ -n "$chosen" ] || die "There is no $variant build yet: run 'make images', or 'make server' without an engine."
say "The candidate is $chosen."
