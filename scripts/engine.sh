#!/usr/bin/env bash
# Make sure that a container engine can be reached, and say which.
#
# usage: scripts/engine.sh        find a Docker or Podman engine; start or install one where that is possible
#        scripts/engine.sh env    print what to `eval` so that clients find it: DOCKER_HOST where it is not the
#                                 usual one, and engine_cli, the command that builds; exit 1 if there is none
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/say.sh
. "$here/say.sh"
# shellcheck source=scripts/apt.sh
. "$here/apt.sh"

readonly default_socket=/var/run/docker.sock
readonly dockerd_log=/var/log/modelgate-dockerd.log
readonly containerd_log=/var/log/modelgate-containerd.log
readonly ready_within_s=60

# --- finding ---------------------------------------------------------------------------------------

# ping SOCKET: 0 if an engine answers there, 13 if this user may not ask, else 1. A socket's file says
# nothing, since a killed daemon leaves it behind; nor does a docker command, which may be a client alone.
ping_socket() {
  [ -S "$1" ] || return 1
  python3 - "$1" <<'PYTHON'
import socket, sys
with socket.socket(socket.AF_UNIX) as engine:
    engine.settimeout(5)
    try:
        engine.connect(sys.argv[1])
        engine.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
        sys.exit(0 if b" 200 " in engine.recv(64) else 1)
    except PermissionError:
        sys.exit(13)
    except OSError:
        sys.exit(1)
PYTHON
}

# answers URL: whether an engine answers there.
answers() {
  case $1 in
    unix://*) ping_socket "${1#unix://}" ;;
    *) docker -H "$1" version >/dev/null 2>&1 ;; # TLS or ssh: the client knows how
  esac
}

podman_socket() {
  if [ "$(id -u)" -eq 0 ]; then
    echo /run/podman/podman.sock
  else
    echo "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/podman/podman.sock"
  fi
}

# find_engine: print the URL of the first engine that answers.
find_engine() {
  local socket
  if [ -n "${DOCKER_HOST:-}" ]; then
    answers "$DOCKER_HOST" || return 1
    echo "$DOCKER_HOST"
    return
  fi
  for socket in "$default_socket" "${XDG_RUNTIME_DIR:-/nonexistent}/docker.sock" \
    "$HOME/.docker/run/docker.sock" "$HOME/.docker/desktop/docker.sock" \
    "$HOME/.colima/default/docker.sock" "$(podman_socket)"; do
    if ping_socket "$socket"; then
      echo "unix://$socket"
      return
    fi
  done
  return 1
}

# client_for URL: print the command for the engine there, nothing if there is none. Podman's own builds
# without the plugins that docker would want of a Podman engine.
client_for() {
  case $1 in
    *podman*) command -v podman || command -v docker || true ;;
    *) command -v docker || command -v podman || true ;;
  esac
}

# --- starting --------------------------------------------------------------------------------------

# runs PIDFILE NAME: whether the process in the file is alive and is NAME: its number may have been given
# to another process since, or belong to a dead one that nobody has waited for.
runs() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] &&
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] &&
    ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null
}

# detach LOG COMMAND…: run it so that it outlives make and the terminal; $! is its process.
detach() {
  setsid nohup "${@:2}" </dev/null >>"$1" 2>&1 9>&- &
}

# clear_leftovers: remove what a daemon that was killed hard left behind, and what would stop the next
# one. Its containers may live on; the next daemon finds them through the same containerd.
clear_leftovers() {
  if [ -e /var/run/docker.pid ] && ! runs /var/run/docker.pid dockerd; then
    say "Removing /var/run/docker.pid: no dockerd runs under that number."
    rm -f /var/run/docker.pid
  fi
  # dockerd has a containerd of its own, unless it finds the system's.
  local own=/var/run/docker/containerd system=/run/containerd/containerd.sock had_own=
  if [ -e "$own/containerd.pid" ]; then
    had_own=yes
    if ! runs "$own/containerd.pid" containerd; then
      say "Removing $own/containerd.pid: no containerd runs under that number."
      rm -f "$own/containerd.pid" "$own"/containerd*.sock "$own/containerd.sock.ttrpc"
    fi
  fi
  # A socket of the system's that nobody listens on makes dockerd wait in vain.
  if [ -S "$system" ] && ! connects "$system"; then
    say "Removing $system: nobody listens there."
    rm -f "$system" "$system.ttrpc"
    if [ -z "$had_own" ] && command -v containerd >/dev/null; then
      say "Starting containerd again in the background; its log is $containerd_log"
      detach "$containerd_log" containerd
      wait_for_socket "$system"
    fi
  fi
}

# wait_for_socket SOCKET: a dockerd that starts before it is there starts a containerd of its own.
wait_for_socket() {
  local deadline=$((SECONDS + ready_within_s))
  until connects "$1" || ((SECONDS >= deadline)); do sleep 0.2; done
}

connects() {
  python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$1" 2>/dev/null
}

start_dockerd() {
  if runs /var/run/docker.pid dockerd; then
    say "A dockerd is starting; waiting for it."
    wait_until_ready "$default_socket" "$(cat /var/run/docker.pid)" "$dockerd_log"
  elif [ -d /run/systemd/system ] && systemctl cat docker.service >/dev/null 2>&1; then
    say "Starting the Docker service."
    systemctl start docker || die "systemctl could not start it; see: journalctl -u docker"
    wait_until_ready "$default_socket" "" "$dockerd_log"
  else
    clear_leftovers
    say "Starting dockerd in the background; its log is $dockerd_log"
    : >"$dockerd_log"
    detach "$dockerd_log" dockerd
    wait_until_ready "$default_socket" $! "$dockerd_log"
  fi
}

start_podman() {
  local socket log
  socket=$(podman_socket)
  log=$(dirname "$socket")/modelgate.log
  mkdir -p "$(dirname "$socket")"
  say "Starting Podman's API service in the background; its log is $log"
  : >"$log"
  detach "$log" podman system service --time=0 "unix://$socket"
  wait_until_ready "$socket" $! "$log"
}

# wait_until_ready SOCKET PID LOG: wait for the engine to answer, as long as its process (if known) lives.
wait_until_ready() {
  local deadline=$((SECONDS + ready_within_s))
  until ping_socket "$1"; do
    if [ -n "$2" ] && ! kill -0 "$2" 2>/dev/null; then
      not_ready "It ended while it was starting." "$3"
    fi
    if ((SECONDS >= deadline)); then
      not_ready "It does not answer after $ready_within_s s." "$3"
    fi
    sleep 0.2
  done
}

# not_ready REASON LOG: say so, and stop.
not_ready() {
  say "The container engine did not come up. $1"
  if [ -s "$2" ]; then
    say "The end of $2:"
    tail -n 20 "$2" | cut -c 1-500 >&2
  fi
  exit 1
}

# --- installing ------------------------------------------------------------------------------------

install_docker() {
  say "No container engine here: installing the distribution's docker.io."
  # Some releases only recommend iptables and certificates; in some the client is a package of its own.
  install_packages docker.io iptables ca-certificates
  command -v docker >/dev/null || install_packages docker-cli
}

is_debian() { grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release 2>/dev/null; }

explain() {
  say "No container engine can be reached."
  if [ -n "${DOCKER_HOST:-}" ]; then
    say "DOCKER_HOST is $DOCKER_HOST, and nothing answers there: start that engine, or unset DOCKER_HOST."
  elif [ "$(uname)" = Darwin ]; then
    say "Install Docker Desktop, Colima or Podman Desktop, start it, and run this again."
  else
    local status=0
    ping_socket "$default_socket" || status=$?
    if [ "$status" -eq 13 ]; then
      say "There is one at $default_socket, but this user may not use it:"
      say "join its group (sudo usermod -aG docker $(id -un), then log in again)."
    elif is_debian; then
      say "Run 'sudo make engine' once to have docker.io installed and started, or install podman."
    else
      say "Install Docker Engine or Podman with your system's package manager, start it, and run this again."
    fi
  fi
  say "Without an engine the gate can run the server as a plain process:"
  say "  make server && pytest --modelgate --modelgate-runtime process"
  exit 1
}

# --- main ------------------------------------------------------------------------------------------

make_available() {
  # A container tool's own sbin folders are not on every root's PATH.
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
  if [ -n "${DOCKER_HOST:-}" ]; then
    explain
  elif [ "$(id -u)" -eq 0 ] && command -v dockerd >/dev/null; then
    start_dockerd
  elif [ "$(uname)" = Linux ] && command -v podman >/dev/null; then
    start_podman
  elif can_install && is_debian; then
    install_docker
    start_dockerd
  else
    explain
  fi
}

case ${1:-} in
  "")
    if ! url=$(find_engine); then
      # One at a time: two daemons must not be started for two terminals.
      if [ "$(id -u)" -eq 0 ] && command -v flock >/dev/null; then
        exec 9>/run/lock/modelgate-engine.lock
        flock 9
      fi
      url=$(find_engine) || { make_available && url=$(find_engine); }
    fi
    say "Container engine: $url"
    ;;
  env)
    url=$(find_engine)
    [ "$url" = "unix://$default_socket" ] || printf 'export DOCKER_HOST=%q\n' "$url"
    printf 'engine_cli=%q\n' "$(client_for "$url")"
    ;;
  *) die "usage: scripts/engine.sh [env]" ;;
esac
