#!/usr/bin/env bash
# Build the images of the example server: modelgate-example/classifier:dev, and :slow, which is the same
# program made to do each inference three times.
#
# usage: scripts/images.sh [auto|registry|local]
#   registry  from the Dockerfile's base images
#   local     without base images: what this machine builds, with the libraries that it needs
#   auto      registry if the base images are there or can be pulled, else local
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/say.sh
. "$here/say.sh"

readonly repository=modelgate-example/classifier
readonly pull_within_s=20

bases=${1:-auto}
case $bases in auto | registry | local) ;; *) die "usage: scripts/images.sh [auto|registry|local]" ;; esac
engine=$("$here/engine.sh" env) || die "No container engine: run 'make engine' first."
engine_cli=
eval "$engine"
[ -n "$engine_cli" ] || die "There is an engine, but neither docker nor podman is on PATH to build with."
cd "$here/../examples/classifier/server"

# A client may have neither BuildKit nor a plugin for it, and then needs to be told.
"$engine_cli" buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0

within() { # within SECONDS COMMAND…, where the system can
  if command -v timeout >/dev/null; then timeout "$@"; else "${@:2}"; fi
}

have_bases() {
  local image
  while read -r image; do
    if ! "$engine_cli" image inspect "$image" >/dev/null 2>&1 &&
      ! within "$pull_within_s" "$engine_cli" pull --quiet "$image" >/dev/null 2>&1 </dev/null; then
      say "The base image $image cannot be had here within $pull_within_s s."
      return 1
    fi
  done < <(sed -n 's/^ARG [A-Z]*_IMAGE=//p' Dockerfile)
}

# build_image VARIANT CONTEXT ARGUMENT…
build_image() {
  local tag=$repository:$1 context=$2 output
  shift 2
  say "Building the image $tag"
  output=$("$engine_cli" build "$@" --tag "$tag" "$context" 2>&1) || die "$output"
}

# collect VARIANT: make build/image/VARIANT, a folder with all that the image holds and its Dockerfile.
collect() {
  local built=build/$1 context=build/image/$1 library
  local root=$context/root
  rm -rf "$context"
  mkdir -p "$root/opt/classifier" "$root/etc" "$root/tmp"
  chmod 1777 "$root/tmp"
  cp "$built/classifier" "$root/opt/classifier/"
  cp -P assets/* "$root/opt/classifier/"
  ldd "$built/classifier" assets/libonnxruntime.so |
    awk '/=> \//{print $3} $1 ~ /^\// && NF == 2 && !/:$/{print $1}' | sort -u |
    while read -r library; do
      cp -L --parents "$library" "$root"
    done
  echo 'nonroot:x:65532:65532::/:/' >"$root/etc/passwd"
  echo 'nonroot:x:65532:' >"$root/etc/group"
  cp Dockerfile.local "$context/Dockerfile"
}

if [ "$bases" = auto ]; then
  if have_bases; then bases=registry; else bases=local; fi
fi
if [ "$bases" = registry ]; then
  build_image dev .
  build_image slow . --build-arg SLOW=1
else
  say "Building without base images (BASES=local): this machine's own libraries go into the image."
  "$here/server.sh"
  for variant in dev slow; do
    collect "$variant"
    build_image "$variant" "build/image/$variant"
  done
fi
