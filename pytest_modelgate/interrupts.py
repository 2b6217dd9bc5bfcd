"""Signals that end a process, made to end a session as Ctrl-C does: no server outlives it."""

from __future__ import annotations

import functools
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def interrupt_on_signals(add_cleanup: Callable[[Callable[[], None]], object]) -> None:
    """Let SIGTERM and a closed terminal raise KeyboardInterrupt until the session's cleanup."""
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may say what a signal does
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            previous = signal.signal(number, _interrupt) or signal.SIG_DFL
            add_cleanup(functools.partial(_restore, number, previous))


def _interrupt(number: int, _frame: object) -> None:
    raise KeyboardInterrupt(f"signal {number}")


def _restore(number: int, previous: Callable[[int, FrameType | None], object] | int) -> None:
    signal.signal(number, previous)
