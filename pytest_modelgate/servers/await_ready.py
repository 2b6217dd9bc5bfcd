"""Waiting for a server: created → live → ready, each timed, and every way of not getting there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ServerError
from pytest_modelgate.servers.listening import listening_addresses
from pytest_modelgate.servers.server import StartPhases

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modelgate.servers.server import RunningServer

_SHORTEST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.1
_PAUSE_PER_ELAPSED = 0.01  # a start is timed to 1 %, and asking costs the server nothing that shows
_LOG_LINES = 50


def await_ready(
    server: RunningServer,
    is_live: Callable[[], bool],
    is_ready: Callable[[], bool],
    *,
    timeout_s: float,
    began_s: float,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> StartPhases:
    """Ask until the server is live, then until it is ready; return when it got there.

    :param timeout_s: how long all of it may take, counted from ``began_s``.
    :param began_s: what ``clock`` said just before the server was created.
    :raises ServerError: as soon as the server is seen to have ended; or when the time is up. Both
        carry the server's last log lines.
    """
    reached_s = []
    for phase, is_reached in (("live", is_live), ("ready", is_ready)):
        while not is_reached():
            elapsed_s = clock() - began_s
            _check_alive(server, phase, elapsed_s)
            if elapsed_s >= timeout_s:
                raise _too_late(server, phase, timeout_s)
            pause_s = min(max(_SHORTEST_PAUSE_S, elapsed_s * _PAUSE_PER_ELAPSED), _LONGEST_PAUSE_S)
            sleep(pause_s)
        reached_s.append(clock() - began_s)
    live_s, ready_s = reached_s
    return StartPhases(live_s=live_s, ready_s=ready_s)


def _check_alive(server: RunningServer, phase: str, elapsed_s: float) -> None:
    ended = server.exit()
    if ended is not None:
        raise ServerError(
            f"server {server.name!r} ended before it was {phase}",
            expected=f"a server at {server.host}:{server.port}",
            got=f"{ended}, {elapsed_s:.1f} s after it was created",
            hint=ended.hint,
            log=server.log_tail(_LOG_LINES),
        )


def _too_late(server: RunningServer, phase: str, timeout_s: float) -> ServerError:
    if phase == "live":
        got, hint = _where_it_listens(server)
    else:
        got, hint = "it is live, but does not say that it is ready", None
    return ServerError(
        f"server {server.name!r} was not {phase} after {timeout_s:g} s",
        expected=f"an answer from {server.host}:{server.port} ({server.network})",
        got=got,
        hint=hint or f"see its log; if it needs longer, set ready_timeout above {timeout_s:g} s",
        log=server.log_tail(_LOG_LINES),
    )


def _where_it_listens(server: RunningServer) -> tuple[str, str | None]:
    """Say what the server does instead of answering, and what to do about it."""
    pids = server.accounting.pids()
    if not pids:
        return "no answer", None
    listening = listening_addresses(pids)
    if not listening:
        return "it does not listen on any port yet", None
    return (
        f"it listens on {', '.join(listening)}",
        'let it listen where it is expected: "{port}" and "{host}" in args or env say where',
    )
