"""What all connections share while they send: the warm-up, the window, or a few inputs in turn."""

from __future__ import annotations

import functools
from time import perf_counter_ns
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NEVER_NS = 2**63 - 1
_USUAL_ANSWERS = 1024  # so many, of so many bytes at most: 64 MiB in the worst case
_USUAL_BYTES = 64 * 1024


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


class Phase:
    """Which requests are sent, until when, and how that goes.

    :ivar take: returns the index of the next input, None when there is none left. A C function, as
        all that runs for every request should be.
    :ivar request: returns the bytes of the request for an input.
    :ivar usual: input → the bytes of an answer to it that would be no news, and its number.
    :ivar answers: complete answers so far, whatever their status.
    :ivar breaks: requests that got none.
    :ivar last_break: why the last of them got none.
    :ivar deadline_ns: when to stop sending.
    """

    def __init__(
        self, indices: Iterator[int], request: Callable[[int], bytes], recorder: Recorder
    ) -> None:
        self.take: Callable[[], int | None] = functools.partial(next, indices, None)
        self.request = request
        self.recorder = recorder
        self.answered_again = recorder.answered_again
        self.numbered = recorder.numbered
        self.usual: dict[int, tuple[bytes, int]] = {}
        self.answers = 0
        self.breaks = 0
        self.last_break: str | None = None
        self.deadline_ns = _NEVER_NS

    def stop_after(self, duration_s: float) -> None:
        """Set the deadline, from now."""
        self.deadline_ns = perf_counter_ns() + round(duration_s * 1e9)

    def broken(self, reason: str) -> None:
        """Count a request that got no complete answer."""
        self.breaks += 1
        self.last_break = reason
        self.recorder.failed(reason)

    def remember(self, index: int, answer: bytes, number: int) -> None:
        """Keep the bytes of an answer, head included, that would be no news again."""
        if len(answer) <= _USUAL_BYTES and len(self.usual) < _USUAL_ANSWERS:
            self.usual[index] = answer, number
