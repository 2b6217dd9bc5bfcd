"""A fresh server that has answered its first requests, and waits for a load."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_modelgate.errors import LoadError, ProtocolError, ServerError
from pytest_modelgate.measuring.driver import Asked, Driver
from pytest_modelgate.measuring.window import probed_window
from pytest_modelgate.servers.await_ready import await_ready
from pytest_modelgate.servers.http_get import HttpGet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from pytest_modelgate.load.workload import Workload
    from pytest_modelgate.measuring.answer_book import AnswerBook
    from pytest_modelgate.measuring.rig import Rig
    from pytest_modelgate.probes.probe import Probe, Reading
    from pytest_modelgate.servers.server import RunningServer, StartPhases


@dataclass(frozen=True)
class Started:
    """The server, and what is known of it so far.

    :ivar asked: what came of the requests sent so far.
    :ivar early_failures: why requests failed before the first that was answered.
    :ivar values: metric name → value; what the probes read in the window is added here.
    :ivar unmeasured: metric name → why there is no value.
    """

    server: RunningServer
    driver: Driver
    probes: Sequence[Probe]
    readings: Sequence[Reading]
    asked: Asked
    early_failures: tuple[str, ...]
    values: dict[str, float] = field(default_factory=dict)
    unmeasured: Mapping[str, str] = field(default_factory=dict)

    def window(self, completed: Callable[[], int]) -> AbstractContextManager[object]:
        """Make the context in which the probes read."""
        return probed_window(self.probes, self.readings, self.values)(completed)

    def explained(self) -> AbstractContextManager[None]:
        """Make the context that adds what the server has to say for itself to an error."""
        return _explained(self.server)


@contextlib.contextmanager
def started(rig: Rig, workload: Workload, book: AnswerBook) -> Iterator[Started]:
    """Start a server, ask it for the answers that the book keeps, and stop it in the end.

    :raises ModelgateError: with the server's last log lines where it had a part in it. What is
        raised inside the context is left alone.
    """
    with fresh_server(rig) as (server, phases):
        with _explained(server):
            one = _asked(rig, server, phases, workload, book)
        yield one


def _asked(
    rig: Rig, server: RunningServer, phases: StartPhases, workload: Workload, book: AnswerBook
) -> Started:
    driver = Driver(rig, server, workload)
    first_answer_s, first_body, early_failures = driver.first_answer(phases)
    if book.contract is None:
        with _control_plane(rig, server) as get:
            book.contract = rig.protocol.contract(get)
    book.add(0, first_body)
    asked = driver.ask_each(book, range(1, book.keep))
    startup = {
        "startup.live": phases.live_s,
        "startup.ready": phases.ready_s,
        "startup.first_answer": first_answer_s,
    }
    was_running = dict.fromkeys(startup, "the server was running already")
    return Started(
        server=server,
        driver=driver,
        probes=rig.probes,
        readings=[probe.attach(server) for probe in rig.probes],
        asked=asked,
        early_failures=early_failures,
        values=startup if server.is_fresh else {},
        unmeasured={} if server.is_fresh else was_running,
    )


@contextlib.contextmanager
def fresh_server(rig: Rig) -> Iterator[tuple[RunningServer, StartPhases]]:
    """Start a server, wait until it is ready, and stop it in the end."""
    began = rig.clock()
    server = rig.kind.start(rig.spec)
    try:
        with _control_plane(rig, server) as get:
            phases = await_ready(
                server,
                lambda: rig.protocol.is_live(get),
                lambda: rig.protocol.is_ready(get),
                timeout_s=rig.spec.ready_timeout_s,
                began_s=began,
                clock=rig.clock,
                sleep=rig.sleep,
            )
        yield server, phases
    finally:
        server.stop()


def _control_plane(rig: Rig, server: RunningServer) -> HttpGet:
    return HttpGet(server, timeout_s=max(1.0, rig.spec.request_timeout_s))


@contextlib.contextmanager
def _explained(server: RunningServer) -> Iterator[None]:
    """Add what the server has to say for itself to an error that does not have it yet."""
    try:
        yield
    except (ServerError, LoadError, ProtocolError) as error:
        ended = server.exit()
        error.hint = error.hint or (ended.hint if ended else None)
        error.log = error.log or server.log_tail()
        raise
