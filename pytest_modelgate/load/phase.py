"""What all connections share while they send: the warm-up, the window, or a few inputs in turn."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NEVER_NS = 2**63 - 1
_REMEMBERED_BYTES = 64 * 1024 * 1024


class Recorder(Protocol):
    """Where outcomes go."""

    def answered(self, index: int, body: bytes, latency_ns: int) -> int:
        """Take an answer of status 2xx; return its number if it would be no news again, else 0."""

    def answered_again(self, latency_ns: int) -> None:
        """Take the latency of an answer that was no news."""

    def numbered(self, number: int) -> None:
        """Take the number of that answer."""

    def failed(self, reason: str) -> None:
        """Take a request that has no such answer."""


@dataclass(slots=True, eq=False)
class Question:
    """An input as it is sent.

    :ivar request: the whole request.
    :ivar known: the bytes of an answer, head included, that would be no news; None: there is none.
    :ivar number: the number of that answer.
    """

    index: int
    request: bytes
    known: bytes | None = None
    number: int = 0


class Phase:
    """Which requests are sent, until when, and how that goes.

    :ivar questions: what is still to be sent, shared by all connections.
    :ivar take: returns the next of them, or raises StopIteration. A C function wherever it can be
        one, as it runs for every request.
    :ivar answers: complete answers so far, whatever their status.
    :ivar breaks: requests that got none.
    :ivar last_break: why the last of them got none.
    :ivar deadline_ns: when to stop sending.
    """

    def __init__(self, questions: Iterator[Question], recorder: Recorder) -> None:
        self.questions = questions
        self.take: Callable[[], Question] = questions.__next__
        self.recorder = recorder
        self.answered_again = recorder.answered_again
        self.numbered = recorder.numbered
        self.answers = 0
        self.breaks = 0
        self.last_break: str | None = None
        self.deadline_ns = _NEVER_NS
        self._room_bytes = _REMEMBERED_BYTES

    def stop_after(self, duration_s: float) -> None:
        """Set the deadline, from now."""
        self.deadline_ns = perf_counter_ns() + round(duration_s * 1e9)

    def broken(self, reason: str) -> None:
        """Count a request that got no complete answer."""
        self.breaks += 1
        self.last_break = reason
        self.recorder.failed(reason)

    def remember(self, question: Question, answer: bytes, number: int) -> None:
        """Keep the bytes of an answer, head included, that would be no news again."""
        room_bytes = self._room_bytes + len(question.known or b"") - len(answer)
        if room_bytes >= 0:
            self._room_bytes = room_bytes
            question.known, question.number = answer, number
