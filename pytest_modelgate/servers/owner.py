"""Who started a server, so that whoever finds it later can tell whether its session still lives.

A killed pytest leaves its servers behind. Each carries its session's identity (a container as
labels, a process in an environment variable, which its descendants inherit), and the next session
on the same machine removes what belongs to a dead one (`strays.py`), and nothing else.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL = "modelgate.session"
"""The label whose presence makes a container ours; its value is the session's id."""

VARIABLE = "MODELGATE_SESSION"
"""The environment variable whose presence makes a process ours."""

_HAS_PROC = sys.platform == "linux"
_PID, _STARTED, _HOST = "modelgate.pid", "modelgate.started", "modelgate.host"


@dataclass(frozen=True)
class Session:
    """One pytest process (each xdist worker is one).

    :ivar id: random, unique.
    :ivar pid: of the pytest process, in its own pid namespace.
    :ivar started: what tells that process from a later one of the same number.
    :ivar host: this boot of this kernel, and the pid namespace. Only where it is the same does a
        pid mean anything: another machine, or another container with the same engine's socket, may
        have a living session that cannot be seen from here.
    """

    id: str
    pid: int
    started: str
    host: str

    @classmethod
    def current(cls) -> Session:
        """Return a new identity for this process."""
        pid = os.getpid()
        return cls(secrets.token_hex(8), pid, start_mark(pid) or "", _this_host())

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Session | None:
        """Return the identity that a container's labels state, None where they do not."""
        try:
            return cls(labels[LABEL], int(labels[_PID]), labels[_STARTED], labels[_HOST])
        except (KeyError, TypeError, ValueError):
            return None

    @classmethod
    def from_variable(cls, text: str) -> Session | None:
        """Return the identity that a process's environment states, None where it does not."""
        try:
            labels = json.loads(text)
        except ValueError:
            return None
        return cls.from_labels(labels) if isinstance(labels, dict) else None

    def labels(self) -> dict[str, str]:
        """Return the labels for a container."""
        return {LABEL: self.id, _PID: str(self.pid), _STARTED: self.started, _HOST: self.host}

    def variable(self) -> str:
        """Return the value of VARIABLE for a process."""
        return json.dumps(self.labels())

    def is_dead(self) -> bool:
        """Tell whether the session has certainly ended; of another host nobody can be certain."""
        return self.host == _this_host() and not lives(self.pid, self.started)


def lives(pid: int, started: str) -> bool:
    """Tell whether the process that had this number and start mark still runs.

    A process that the kernel hides from us (hidepid) counts as living.
    """
    mark = start_mark(pid)
    return psutil.pid_exists(pid) and not _is_zombie(pid) if mark is None else mark == started


def start_mark(pid: int) -> str | None:
    """Return what tells a running process from another one of the same number, None without one.

    On Linux the start time in clock ticks since boot (proc(5), /proc/pid/stat, field 22), which no
    change of the clock alters. Costs about 10 µs there, so that it can be polled.
    """
    if _HAS_PROC:
        return _start_ticks(pid)
    try:
        return repr(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _start_ticks(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the command's name may contain anything
    state, start_ticks = fields[0], fields[19]
    return None if state in "ZX" else start_ticks  # zombies and the dead do not run


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _this_host() -> str:
    if _HAS_PROC:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return socket.gethostname()
