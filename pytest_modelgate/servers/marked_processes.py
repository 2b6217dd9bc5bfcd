"""Processes found, and ended, by a variable in their environment, which all descendants inherit."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

from pytest_modelgate.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_ROUNDS = 20
"""A program that forks faster than it is killed would keep us for ever."""


def marked(variable: str, is_wanted: Callable[[str], bool]) -> list[psutil.Process]:
    """Return this user's processes whose variable has a wanted value.

    Unlike the process group, this finds descendants that have moved to a session of their own; it
    cannot find one that was started with another environment. The value is what the process was
    started with.
    """
    found = []
    for process in psutil.process_iter():
        try:
            value = process.environ().get(variable)
        except (psutil.Error, OSError):  # gone, or another user's, whom it does not concern
            continue
        if value is not None and is_wanted(value):
            found.append(process)
    return found


def kill_marked(variable: str, is_wanted: Callable[[str], bool]) -> list[int]:
    """Kill every process that `marked` finds, until it finds none; return their pids.

    :raises ServerError: where the system does not let us kill one.
    """
    killed: list[int] = []
    for _ in range(_MOST_ROUNDS):
        processes = marked(variable, is_wanted)
        if not processes:
            break
        for process in processes:
            _kill(process)
        psutil.wait_procs(processes, timeout=1)
        killed += [process.pid for process in processes if process.pid not in killed]
    return killed


def _kill(process: psutil.Process) -> None:
    try:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile, as it shall
            process.kill()
    except psutil.AccessDenied as error:
        raise ServerError(
            f"process {process.pid} may not be killed", got=str(error), hint="end it yourself"
        ) from error
