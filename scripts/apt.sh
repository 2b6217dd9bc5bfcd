# shellcheck shell=bash
# Sourced by the other scripts: Debian's and Ubuntu's packages. Needs say.sh.

# can_install: whether this is root on a machine with apt.
can_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

# install_packages PACKAGE…: install them, or say what is missing and stop.
install_packages() {
  can_install || die "Missing: $*. Install it with your system's package manager, then run this again" \
    "(as root on Debian or Ubuntu it is installed for you)."
  say "Installing from the distribution: $*"
  local output
  output=$(
    apt-get update -qq 2>&1 &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" 2>&1
  ) || die "$output"
}
