"""Work that must not be broken off in the middle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def uninterrupted(work: Callable[[], T]) -> T:
    """Return what ``work`` returns; an interrupt (Ctrl-C, SIGTERM) is raised once it is done.

    A container that is being created when the interrupt comes would be created all the same, and
    nobody would know of it. Interrupts are raised in the main thread; the work is done in another.
    """
    with ThreadPoolExecutor(1, "modelgate-start") as pool:  # which is left when the work is done
        return pool.submit(work).result()
