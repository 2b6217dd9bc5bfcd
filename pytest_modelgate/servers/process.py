"""Servers as plain processes: a command in a process group of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import signal
import subprocess
import tempfile
from typing import IO, TYPE_CHECKING

import psutil

from pytest_modelgate.errors import ConfigError, ServerError
from pytest_modelgate.servers.addresses import (
    LOOPBACK,
    PORT,
    fill_all,
    fill_values,
    free_port,
    is_taken,
    uses,
)
from pytest_modelgate.servers.command import command_sha256, find_program
from pytest_modelgate.servers.limits import cpus_text, memory_text
from pytest_modelgate.servers.log_lines import LONGEST_LINE, last_lines
from pytest_modelgate.servers.marked_processes import kill_marked
from pytest_modelgate.servers.owner import VARIABLE, Session
from pytest_modelgate.servers.server import Accounting, Exit
from pytest_modelgate.servers.uninterrupted import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_modelgate.config.specs import ServerSpec

_SERVER_VARIABLE = "MODELGATE_SERVER"
"""Its value is one server's alone, so that all of its processes, and no others, can be found."""

_GRACE_S = 1.0
_LOG_BYTES_PER_LINE = 4 * LONGEST_LINE


class ProcessServer:
    """A server that runs as a process, and whatever that process starts; see `RunningServer`."""

    tls = False
    is_fresh = True
    network = "loopback"
    image_bytes: int | None = None
    host = LOOPBACK

    def __init__(
        self,
        spec: ServerSpec,
        *,
        port: int,
        process: subprocess.Popen[bytes],
        mark: str,
        log: IO[bytes],
        provenance: Mapping[str, str],
    ) -> None:
        self.name = spec.name
        self.port = port
        self.provenance = provenance
        self.conditions = {
            "engine": "none: a plain process",
            "network": self.network,
            "cpus": cpus_text(spec.cpus) + (", not enforced" if spec.cpus else ""),
            "memory": memory_text(spec.memory_bytes)
            + (", not enforced" if spec.memory_bytes else ""),
        }
        self.accounting = Accounting(pids=self._pids)
        self._process = process
        self._mark = mark
        self._log = log
        self._last_lines: tuple[str, ...] = ()
        self._is_stopped = False

    def exit(self) -> Exit | None:
        """Return how the command ended, None while it runs."""
        code = self._process.poll()
        return None if code is None else Exit(code)

    def log_tail(self, lines: int = 50) -> tuple[str, ...]:
        """Return the last lines of stdout and stderr, as they were when it was stopped."""
        if self._log.closed:
            return self._last_lines[-lines:]
        size = os.fstat(self._log.fileno()).st_size
        length = lines * _LOG_BYTES_PER_LINE
        # pread, for the server's own writes go where the shared file position is.
        tail = os.pread(self._log.fileno(), length, max(0, size - length))
        return last_lines(tail, lines)

    def stop(self) -> None:
        """Ask the process group to end, and kill what is left after a second, wherever it moved.

        :raises ServerError: where one of its processes may not be killed; call it again to retry.
        """
        if self._is_stopped:
            return
        try:
            self._kill()
        finally:
            self._last_lines = self.log_tail()
            self._log.close()
        self._is_stopped = True

    def _kill(self) -> None:
        if self._process.poll() is None:  # else its number may be another group's by now
            self._signal_group(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):  # killed now
                self._process.wait(_GRACE_S)
            self._signal_group(signal.SIGKILL)
            self._process.wait()
        kill_marked(_SERVER_VARIABLE, self._is_mine)

    def _is_mine(self, mark: str) -> bool:
        return mark == self._mark

    def _signal_group(self, number: signal.Signals) -> None:
        # Gone is what it shall be. macOS refuses to signal a group of nothing but zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _pids(self) -> tuple[int, ...]:
        try:
            process = psutil.Process(self._process.pid)
            return (process.pid, *(child.pid for child in process.children(recursive=True)))
        except psutil.NoSuchProcess:
            return ()


class ProcessKind:
    """Servers given by ``command = […]``.

    The command inherits pytest's environment; ``env`` adds to it. Limits of processor and memory
    are not enforced, which the conditions say.

    :param session: whose servers these are.
    :param folder: where a command runs that has no ``workdir``: the configuration's folder.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._servers: list[ProcessServer] = []

    def prepare(self, spec: ServerSpec) -> None:
        """Check that the command can be run; raises ConfigError or ServerError.

        Its files are read here for their digest, lest that be timed as part of the server's start.
        """
        command_sha256(spec, self._workdir(spec))
        if spec.port is None and not uses(spec, PORT, command=spec.command or ()):
            raise ConfigError(
                f"server {spec.name!r}: nobody says on which port it listens",
                hint='put "{port}" into command, args or env, or set port = NUMBER',
            )

    def start(self, spec: ServerSpec) -> ProcessServer:
        """Start the command and return at once.

        :raises ConfigError: where no port is known.
        :raises ServerError: where the program is not there or cannot be run, or the port is taken.
        """
        self.prepare(spec)
        return uninterrupted(lambda: self._start(spec))

    def _start(self, spec: ServerSpec) -> ProcessServer:
        command = spec.command or ()
        has_placeholder = uses(spec, PORT, command=command)
        port = free_port() if has_placeholder or spec.port is None else spec.port
        if is_taken(port):  # or that program would answer, and be measured, in the server's place
            raise ServerError(
                f"server {spec.name!r} cannot listen on port {port}: another program does",
                hint='end that program, or let a free port be chosen: "{port}" in args',
            )
        workdir = self._workdir(spec)
        provenance = _provenance(spec, workdir)
        arguments = fill_all((*command[1:], *spec.args), host=LOOPBACK, port=port)
        mark = secrets.token_hex(8)
        log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the server; it has no name to leave
        try:
            process = subprocess.Popen(  # noqa: S603 - to run the user's command is the purpose
                [find_program(spec, workdir), *arguments],
                cwd=workdir,
                env={
                    **os.environ,
                    **fill_values(spec.env, host=LOOPBACK, port=port),
                    VARIABLE: self._session.variable(),
                    _SERVER_VARIABLE: mark,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            log.close()
            raise ServerError(
                f"server {spec.name!r} cannot be run: {find_program(spec, workdir)}",
                got=error.strerror,
                hint="is it a program for this machine, and does its workdir exist?",
            ) from error
        server = ProcessServer(
            spec,
            port=port,
            process=process,
            mark=mark,
            log=log,
            provenance=provenance,
        )
        self._servers.append(server)
        return server

    def stop_all(self) -> None:
        """Stop every server that was started."""
        with contextlib.ExitStack() as stack:  # whose callbacks all run, even if one raises
            for server in self._servers:
                stack.callback(server.stop)
            self._servers.clear()

    def _workdir(self, spec: ServerSpec) -> Path:
        return spec.workdir or self._folder


def _provenance(spec: ServerSpec, workdir: Path) -> dict[str, str]:
    provenance = {"command": shlex.join((*(spec.command or ()), *spec.args))}
    digest = command_sha256(spec, workdir)
    return provenance if digest is None else {**provenance, "command_sha256": digest}
