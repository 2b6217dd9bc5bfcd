"""The answers of a measurement, each distinct one decoded once and held against the contract."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pytest_modelgate.drift.contract import check_against_contract
from pytest_modelgate.errors import ProtocolError
from pytest_modelgate.tensors import is_bytes

if TYPE_CHECKING:
    import numpy.typing as npt

    from pytest_modelgate.load.recording import Answers, LoadResult
    from pytest_modelgate.load.workload import Workload
    from pytest_modelgate.protocols.protocol import HttpProtocol
    from pytest_modelgate.tensors import Array, Contract, Tensors

MOST_DISTINCT_ANSWERS = 16
"""Distinct answers to one input that are kept one by one, and so many of another structure."""

_EXTREMES = (np.minimum, np.maximum, np.fmin)


class _Kept:
    """The distinct answers to one input, in a bounded space.

    Of numbers beyond the first 16 answers only the elementwise extremes are kept. That hides no
    mismatch: where one element of one answer lies outside an interval, an extreme does too. A NaN
    becomes ``minimum`` and ``maximum``, and what is none beside it ``fmin``.
    """

    def __init__(self) -> None:
        self.alike: list[Tensors] = []  # as the first
        self.others: list[Tensors] = []
        self.extremes: tuple[Tensors, ...] = ()
        self.unchecked = 0

    def add(self, answer: Tensors) -> bool:
        """Take one; tell whether it is kept as it is."""
        is_alike = not self.alike or _structure(answer) == _structure(self.alike[0])
        kept = self.alike if is_alike else self.others
        if len(kept) < MOST_DISTINCT_ANSWERS:
            kept.append(answer)
            return True
        if is_alike and not any(map(is_bytes, answer.values())):
            known = self.extremes or (answer,) * len(_EXTREMES)
            self.extremes = tuple(
                {name: _joined(join, tensors[name], answer[name]) for name in answer}
                for join, tensors in zip(_EXTREMES, known, strict=True)
            )
        else:
            self.unchecked += 1
        return False

    def all(self) -> tuple[Tensors, ...]:
        """Return what every answer can be judged by, the first given first."""
        return (*self.alike, *self.others, *self.extremes)


def _structure(answer: Tensors) -> dict[str, tuple[object, tuple[int, ...]]]:
    return {name: (array.dtype, array.shape) for name, array in answer.items()}


def _joined(join: np.ufunc, known: Array, array: Array) -> Array:
    with np.errstate(invalid="ignore"):  # bfloat16 warns of a NaN, which is no surprise here
        return np.asarray(join(known, array))  # of no dimensions, it would be a scalar


class AnswerBook:
    """Decodes bodies and keeps the distinct answers to the first ``keep`` inputs.

    :ivar keep: how many inputs have their answers kept.
    """

    def __init__(self, protocol: HttpProtocol, workload: Workload, keep: int) -> None:
        self._protocol = protocol
        self._workload = workload
        self.keep = keep
        self._seen: set[tuple[int, bytes]] = set()
        self._answers: dict[int, _Kept] = {}
        self._not_kept = 0
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
        if index < self.keep and self._answers.setdefault(index, _Kept()).add(answer):
            self._seen.add((index, body))

    @property
    def unchecked(self) -> int:
        """How many answers to the inputs that are kept are in no way among the kept answers."""
        return self._not_kept + sum(kept.unchecked for kept in self._answers.values())

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
        is_failure, reasons = self._malformed(result.answers)
        in_warmup = 0
        if result.warmup_answers is not None:
            of_warmup, its_reasons = self._malformed(result.warmup_answers)
            in_warmup, reasons = int(of_warmup.sum()), [*reasons, *its_reasons]
        return replace(
            result,
            latencies_ns=result.latencies_ns[~is_failure],
            failures=result.failures + int(is_failure.sum()),
            warmup_failures=result.warmup_failures + in_warmup,
            failure_examples=(*result.failure_examples, *reasons),
        )

    def _malformed(self, given: Answers) -> tuple[npt.NDArray[np.bool_], list[str]]:
        """Take answers; return which of them are none, in the order they came, and why."""
        reasons: dict[int, str] = {}
        self._not_kept += sum(n for index, n in given.not_kept.items() if index < self.keep)
        for index, bodies in given.by_input.items():
            for number, body in zip(given.numbers[index], bodies, strict=True):
                try:
                    self.add(index, body)
                except ProtocolError as error:
                    reasons[number] = error.brief
        if reasons and given.not_kept:
            reasons[0] = "one of so many different answers that it was not kept"
        return np.isin(given.given, list(reasons)), list(reasons.values())

    def answers(self) -> dict[str, tuple[Tensors, ...]]:
        """Return input name → distinct answers, the first given first.

        Beyond the first 16, numbers are there as the least and the greatest of each element.
        """
        return {
            self._workload.name(index): kept.all() for index, kept in sorted(self._answers.items())
        }
