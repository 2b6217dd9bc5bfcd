# shellcheck shell=bash
# Sourced by the other scripts: one way to speak.

# say WORDS…: tell what is being done.
say() { printf '%s\n' "$*" >&2; }

# die WORDS…: tell why it cannot go on, and stop.
die() {
  say "$@"
  exit 1
}
