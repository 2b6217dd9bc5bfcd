"""The answers of a measurement, each distinct one decoded once and held against the contract."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pytest_modelgate.drift.contract import check_against_contract
from pytest_modelgate.errors import ProtocolError

if TYPE_CHECKING:
    from pytest_modelgate.load.recording import LoadResult
    from pytest_modelgate.load.workload import Workload
    from pytest_modelgate.protocols.protocol import HttpProtocol
    from pytest_modelgate.tensors import Contract, Tensors

MOST_DISTINCT_ANSWERS = 16
"""Distinct answers kept for one input; a server that gives more has failed the gate by then."""


class AnswerBook:
    """Decodes bodies and keeps the distinct answers to the first ``keep`` inputs."""

    def __init__(self, protocol: HttpProtocol, workload: Workload, keep: int) -> None:
        self._protocol = protocol
        self._workload = workload
        self.keep = keep
        self._seen: set[tuple[int, bytes]] = set()
        self._answers: dict[int, list[Tensors]] = {}
        self.contract: Contract | None = None

    def add(self, index: int, body: bytes) -> None:
        """Take the answer to an input.

        :raises ProtocolError: it is no answer, or not one that the server's own declaration allows.
        """
        if (index, body) in self._seen:
            return
        try:
            answer = self._protocol.decode(body)
        except ProtocolError as error:
            raise ProtocolError(
                f"the answer to {self._workload.name(index)!r} cannot be used: {error.what}",
                expected=error.expected,
                got=error.got,
                hint=error.hint,
            ) from error
        self._check_declared(index, answer)
        kept = self._answers.setdefault(index, [])
        if index < self.keep and len(kept) < MOST_DISTINCT_ANSWERS:
            self._seen.add((index, body))
            kept.append(answer)

    def _check_declared(self, index: int, answer: Tensors) -> None:
        broken = check_against_contract(answer, self.contract) if self.contract else ()
        if broken:
            raise ProtocolError(
                f"the answer to {self._workload.name(index)!r} is not what the server declares",
                got="; ".join(broken),
                hint="the server's metadata and its answers must agree: one of them is wrong",
            )

    def check(self, result: LoadResult) -> LoadResult:
        """Take the answers of a window, now that no clock runs; those that are none are failures.

        Where some are none, what was too much to be kept and cannot be decoded counts as a failure
        too: nobody can tell.
        """
        reasons: dict[int, str] = {}
        given = result.answers
        for index, bodies in given.by_input.items():
            for number, body in zip(given.numbers[index], bodies, strict=True):
                try:
                    self.add(index, body)
                except ProtocolError as error:
                    reasons[number] = error.brief
        if reasons and given.not_kept:
            reasons[0] = "one of so many different answers that it was not kept"
        is_failure = np.isin(given.given, list(reasons))
        return replace(
            result,
            latencies_ns=result.latencies_ns[~is_failure],
            failures=result.failures + int(is_failure.sum()),
            failure_examples=(*result.failure_examples, *reasons.values()),
        )

    def answers(self) -> dict[str, tuple[Tensors, ...]]:
        """Return input name → distinct answers, the first given first."""
        return {
            self._workload.name(index): tuple(kept)
            for index, kept in sorted(self._answers.items())
            if kept
        }
