"""One server in a container: whether it lives, what it says, where its accounts are, its end."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, NotFound

from pytest_modelgate.errors import ServerError
from pytest_modelgate.servers.cgroups import locate, pids_of
from pytest_modelgate.servers.engine import remove_container, translated
from pytest_modelgate.servers.log_lines import last_lines
from pytest_modelgate.servers.owner import lives, start_mark
from pytest_modelgate.servers.server import Accounting, Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from docker.models.containers import Container

    from pytest_modelgate.servers.engine import Engine

_GRACE_S = 1
_ASK_ENGINE_EVERY_S = 0.5
_SIGNAL_BASE = 128  # the engine reports death by a signal as a shell does
_GONE = (404, 409)  # removed, or "marked for removal" by somebody else: no log to be had


class DockerServer:
    """A server in a container that has been started; see `RunningServer`."""

    tls = False
    is_fresh = True

    def __init__(
        self,
        name: str,
        engine: Engine,
        container: Container,
        *,
        port: int,
        network: str,
        provenance: Mapping[str, str],
        conditions: Mapping[str, str],
        image_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.host = engine.host
        self.port = port
        self.network = network
        self.provenance = provenance
        self.conditions = conditions
        self.image_bytes: int | None = image_bytes
        self._engine = engine
        self._container = container
        self._clock = clock
        self._asked_at: float | None = None
        self._ended: Exit | None = None
        self._last_lines: tuple[str, ...] = ()
        self._is_removed = False
        self._pid, self._pid_mark, self.accounting = self._look_up_accounts()

    def exit(self) -> Exit | None:
        """Return how the container ended, None while it runs.

        Made to be polled during a measurement: while the container's first process is to be seen in
        /proc, the engine is not asked; otherwise no more than twice a second.

        :raises EngineError: where the engine is gone.
        """
        if self._ended is None and not self._is_removed and not self._seems_to_live():
            self._ended = self._end_by_engine()
        return self._ended

    def log_tail(self, lines: int = 50) -> tuple[str, ...]:
        """Return the last lines of stdout and stderr, as they were when it was stopped.

        :raises EngineError: where the engine is gone.
        """
        if self._is_removed:
            return self._last_lines[-lines:]
        with translated(f"cannot read the log of server {self.name!r}"):
            try:
                log = self._container.logs(stdout=True, stderr=True, tail=lines)
            except APIError as error:
                if error.status_code not in _GONE:
                    raise
                return ()
        return last_lines(log, lines)

    def stop(self) -> None:
        """End the container, by force after a second, and remove it with its volumes.

        :raises EngineError: where the engine refuses, or is gone.
        """
        if self._is_removed:
            return
        try:
            self.exit()
            self._last_lines = self.log_tail()
        finally:
            self._remove()

    def _remove(self) -> None:
        # Whether it is gone already or will not stop: it is removed by force now.
        with translated(f"cannot stop server {self.name!r}"), contextlib.suppress(APIError):
            self._container.stop(timeout=_GRACE_S)
        remove_container(self._engine, str(self._container.id))
        self._is_removed = True

    def _look_up_accounts(self) -> tuple[int, str, Accounting]:
        """Return the first process's pid and start mark, 0 where it is not here, and its accounts.

        A number alone proves nothing: the control group of the process must name the container.
        """
        container_id = str(self._container.id)
        pid = int(self._container.attrs["State"]["Pid"])
        mark = start_mark(pid) if pid else None
        cgroups = locate(pid)
        if self._engine.is_local and mark is not None and container_id in cgroups.path:
            directory = cgroups.memory or cgroups.cpu
            return (
                pid,
                mark,
                Accounting(
                    memory_cgroup=cgroups.memory,
                    cpu_cgroup=cgroups.cpu,
                    pids=(lambda: pids_of(directory)) if directory else (lambda: (pid,)),
                ),
            )
        return (
            0,
            "",
            Accounting(
                engine_memory_bytes=self._memory_by_engine,
                engine_cpu_ns=self._cpu_by_engine,
            ),
        )

    def _seems_to_live(self) -> bool:
        if self._pid:
            return lives(self._pid, self._pid_mark)
        now = self._clock()
        if self._asked_at is not None and now - self._asked_at < _ASK_ENGINE_EVERY_S:
            return True
        self._asked_at = now
        return False

    def _end_by_engine(self) -> Exit | None:
        with translated(f"cannot tell whether server {self.name!r} still lives"):
            try:
                self._container.reload()
            except NotFound:
                return Exit(None)
        state = self._container.attrs["State"]
        if state["Running"]:
            return None
        code = int(state["ExitCode"])
        number = code - _SIGNAL_BASE
        by_signal = number in signal.valid_signals()
        return Exit(-number if by_signal else code, out_of_memory=bool(state["OOMKilled"]))

    def _stats(self, part: str) -> Mapping[str, Any]:
        with translated(f"the engine has no statistics of server {self.name!r}"):
            stats = self._engine.client.api.stats(
                str(self._container.id), stream=False, one_shot=True
            )
        found: Mapping[str, Any] = stats.get(part) or {}
        if not found.get("usage") and not found.get("cpu_usage"):
            raise ServerError(f"server {self.name!r} has ended: it uses nothing any more")
        return found

    def _memory_by_engine(self) -> int:
        """Return bytes in use without the inactive file cache, as `docker stats` shows them."""
        memory = self._stats("memory_stats")
        with self._readable():
            details = memory.get("stats") or {}  # cgroup v1 has total_…, v2 has not
            inactive = details.get("total_inactive_file", details.get("inactive_file", 0))
            return int(memory["usage"]) - int(inactive)

    def _cpu_by_engine(self) -> int:
        cpu = self._stats("cpu_stats")
        with self._readable():
            return int(cpu["cpu_usage"]["total_usage"])

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """Translate what reading statistics of another shape than an engine's raises."""
        try:
            yield
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ServerError(
                f"the engine's statistics of server {self.name!r} cannot be read", got=repr(error)
            ) from error
