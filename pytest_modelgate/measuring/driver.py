"""Sends a workload to one running server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ServerError
from pytest_modelgate.load.closed_loop import run_closed_loop, send_each
from pytest_modelgate.load.paired import Side
from pytest_modelgate.load.recording import Failure
from pytest_modelgate.load.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from pytest_modelgate.config.specs import LoadSpec
    from pytest_modelgate.load.closed_loop import Window
    from pytest_modelgate.load.recording import LoadResult
    from pytest_modelgate.load.workload import Workload
    from pytest_modelgate.measuring.answer_book import AnswerBook
    from pytest_modelgate.measuring.rig import Rig
    from pytest_modelgate.servers.server import RunningServer, StartPhases

_PATIENCE = 3
"""How often an input is sent before the load until it counts as one that gets no answer."""


@dataclass(frozen=True)
class Asked:
    """What came of the requests before the warm-up: how many were answered, why others failed."""

    answered: int = 0
    failures: tuple[str, ...] = ()


class Driver:
    """Sends a workload to one server."""

    def __init__(self, rig: Rig, server: RunningServer, workload: Workload) -> None:
        self._rig = rig
        self._server = server
        self._workload = workload
        route = rig.protocol.route
        self._target = Target(
            server.host, server.port, server.tls, route.method, route.path, route.headers
        )

    def _death(self) -> str | None:
        ended = self._server.exit()
        return None if ended is None else f"the server {self._server.name!r} ended: {ended}"

    def expect_alive(self) -> None:
        """Raise ServerError if the server has ended: then its answers were not all its own."""
        if (death := self._death()) is not None:
            raise ServerError(death)

    def _ask(self, index: int) -> bytes | Failure:
        (outcome,) = send_each(
            self._target,
            self._workload,
            [index],
            timeout_s=self._rig.spec.request_timeout_s,
            death=self._death,
        )
        return outcome

    def first_answer(self, phases: StartPhases) -> tuple[float, bytes, tuple[str, ...]]:
        """Ask until there is an answer: a server may say that it is ready before it is.

        :returns: seconds since the server was created, the body, and what failed before.
        """
        failures = []
        asked_s = self._rig.clock()
        while isinstance(outcome := self._ask(0), Failure):
            if self._rig.clock() - asked_s > self._rig.spec.ready_timeout_s:
                raise ServerError(
                    f"the server {self._server.name!r} is ready but answers no request",
                    expected=f"an answer within {self._rig.spec.ready_timeout_s:g} s",
                    got=outcome.reason,
                    hint="look at its log; raise ready_timeout if it needs longer",
                )
            failures.append(outcome.reason)
            self._rig.sleep(0.02)
        return phases.ready_s + self._rig.clock() - asked_s, outcome, tuple(failures)

    def ask_each(self, book: AnswerBook, indices: Iterable[int]) -> Asked:
        """Ask for these answers, one after the other."""
        failures: list[str] = []
        answered = 0
        for index in indices:
            for _ in range(_PATIENCE):
                outcome = self._ask(index)
                if not isinstance(outcome, Failure):
                    book.add(index, outcome)
                    answered += 1
                    break
                failures.append(outcome.reason)
            else:
                raise ServerError(
                    f"the server {self._server.name!r} does not answer "
                    f"{self._workload.name(index)!r}",
                    got=failures[-1],
                )
        return Asked(answered, tuple(failures))

    def side(self, window: Window, blame: Callable[[], AbstractContextManager[object]]) -> Side:
        """Return the server as one of two that a load goes to in turns."""
        timeout_s = self._rig.spec.request_timeout_s
        return Side(self._target, timeout_s, self._death, window, blame)

    def drive(self, load: LoadSpec, window: Window) -> LoadResult:
        """Warm up, and send the window's requests."""
        return run_closed_loop(
            self._target,
            self._workload,
            load,
            timeout_s=self._rig.spec.request_timeout_s,
            death=self._death,
            window=window,
            on_progress=lambda answered, failed: self._rig.progress.requests(
                answered + failed, load.requests
            ),
        )
