"""What a load leaves behind: latencies, failures, distinct answers."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

ANSWER_BUDGET_BYTES = 64 * 1024 * 1024
FAILURE_EXAMPLES = 5
_OVERHEAD_BYTES = 150  # of a kept body besides its bytes: objects, dictionary entry
_NOTHING: tuple[bytes | None, int] = (None, 0)


@dataclass(frozen=True)
class Answers:
    """The distinct bodies that came back.

    :ivar by_input: index of the input → its distinct bodies, in the order they were first seen.
    :ivar numbers: the number of each of these bodies, from 1.
    :ivar given: (answered requests,), in the order of completion: the number of the body that came,
        0 for one that was not kept.
    :ivar not_kept: index of the input → how many answers to it differed from all that were kept and
        were not kept themselves, because all together took 64 MiB.
    """

    by_input: Mapping[int, tuple[bytes, ...]]
    numbers: Mapping[int, tuple[int, ...]]
    given: npt.NDArray[np.uint32]
    not_kept: Mapping[int, int]


@dataclass(frozen=True)
class LoadResult:
    """What was measured in one window.

    Requests sent in it are ``len(latencies_ns) + failures``.

    :ivar latencies_ns: (answered requests,), in the order of completion.
    :ivar failures: requests of the window without a complete answer of status 2xx.
    :ivar failure_examples: the first five distinct reasons, the window's before the warm-up's.
    :ivar elapsed_s: from the first request of the window until the last was answered or failed.
    :ivar client_cpu_share: CPU time of the sending thread ÷ ``elapsed_s``; near 1, the client was
        the bottleneck and the numbers say little of the server.
    :ivar answers: what came back in the window.
    :ivar warmup_requests: requests sent before the window.
    :ivar warmup_failures: how many of these failed: what a warm-up discards is latencies, not bad
        news.
    """

    latencies_ns: npt.NDArray[np.int64]
    failures: int
    failure_examples: tuple[str, ...]
    elapsed_s: float
    client_cpu_share: float
    answers: Answers
    warmup_requests: int = 0
    warmup_failures: int = 0
    warmup_answers: Answers | None = None


class Failures:
    """Counts failures and keeps the first few distinct reasons."""

    def __init__(self) -> None:
        self.count = 0
        self._examples: dict[str, None] = {}  # an ordered set

    def add(self, reason: str) -> None:
        """Count one."""
        self.count += 1
        if len(self._examples) < FAILURE_EXAMPLES:
            self._examples[reason] = None

    @property
    def examples(self) -> tuple[str, ...]:
        """The first distinct reasons."""
        return tuple(self._examples)


class Recording:
    """Collects the answers of a window as they come; twelve bytes a request."""

    def __init__(self, failures: Failures, *, budget_bytes: int = ANSWER_BUDGET_BYTES) -> None:
        self._latencies_ns = array("q")
        self._given = array("I")
        # C functions: they run for every request.
        self.answered_again = self._latencies_ns.append
        self.numbered = self._given.append
        self._kept: dict[int, dict[bytes, int]] = {}
        self._newest: dict[int, tuple[bytes, int]] = {}
        self._last_number = 0
        self._budget_bytes = budget_bytes
        self._not_kept: Counter[int] = Counter()
        self._failures = failures

    def __len__(self) -> int:
        return len(self._latencies_ns)

    def answered(self, index: int, body: bytes, latency_ns: int) -> int:
        """Record an answer to the input of that index; return its number if it is kept, else 0."""
        self._latencies_ns.append(latency_ns)
        newest, number = self._newest.get(index, _NOTHING)
        # Comparing is cheaper than hashing, and most servers give one answer to one input.
        if body != newest:
            number = self._number(index, body)
        self._given.append(number)
        return number

    def _number(self, index: int, body: bytes) -> int:
        kept = self._kept.setdefault(index, {})
        if (number := kept.get(body)) is not None:
            return number
        cost_bytes = len(body) + _OVERHEAD_BYTES
        if cost_bytes > self._budget_bytes:
            self._not_kept[index] += 1
            return 0
        self._last_number += 1
        kept[body] = self._last_number
        self._newest[index] = body, self._last_number
        self._budget_bytes -= cost_bytes
        return self._last_number

    def failed(self, reason: str) -> None:
        """Count a failure."""
        self._failures.add(reason)

    def latencies_ns(self) -> npt.NDArray[np.int64]:
        """Return the latencies, shape (answered,), in the order of completion."""
        return np.array(self._latencies_ns, dtype=np.int64)

    def latencies_since_ns(self, count: int) -> array[int]:
        """Return the latencies that came after the first so many."""
        return self._latencies_ns[count:]

    def answers(self) -> Answers:
        """Return the distinct answers."""
        kept = {index: known for index, known in self._kept.items() if known}
        return Answers(
            by_input={index: tuple(known) for index, known in kept.items()},
            numbers={index: tuple(known.values()) for index, known in kept.items()},
            given=np.array(self._given, dtype=np.uint32),
            not_kept=dict(self._not_kept),
        )


@dataclass(frozen=True)
class Failure:
    """Stands where an answer should: why there is none."""

    reason: str


class Outcomes:
    """Keeps every answer or failure, in the order in which they came."""

    def __init__(self) -> None:
        self.all: list[bytes | Failure] = []

    def answered(self, _index: int, body: bytes, _latency_ns: int) -> int:
        """Keep an answer; each is news."""
        self.all.append(body)
        return 0

    def answered_again(self, _latency_ns: int) -> None:
        """Never called, as each answer is news."""
        raise NotImplementedError

    def numbered(self, _number: int) -> None:
        """Never called either."""
        raise NotImplementedError

    def failed(self, reason: str) -> None:
        """Keep a failure."""
        self.all.append(Failure(reason))
