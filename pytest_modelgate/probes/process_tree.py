"""What processes use, where no control group keeps account of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil

from pytest_modelgate.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LOOK_AGAIN_S = 1.0


class ResidentSet:
    """The resident sets of a changing set of processes, summed; shared pages count in each.

    :param pids: returns the processes. Asking takes milliseconds where it has to look through all
        processes of the machine, so it is asked once a second.
    """

    def __init__(
        self, pids: Callable[[], tuple[int, ...]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pids = pids
        self._clock = clock
        self._looked_at: float | None = None
        self._processes: list[psutil.Process] = []

    def read_bytes(self) -> int:
        """Return the bytes in use now.

        :raises ServerError: where no process is left, or one of them may not be read.
        """
        now = self._clock()
        if self._looked_at is None or now - self._looked_at >= _LOOK_AGAIN_S:
            self._processes = _processes(self._pids())
            self._looked_at = now
        sizes: list[int] = []
        for process in self._processes:
            try:
                sizes.append(process.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
            except psutil.Error as error:
                raise _unreadable(error) from error
        if not any(sizes):  # a zombie has nothing resident
            raise _ended()
        return sum(sizes)

    def close(self) -> None:
        """Nothing is held open."""


def cpu_ns(pids: Iterable[int]) -> int:
    """Return the processor time that processes and their ended children have used, in ns.

    The system counts it in ticks of 10 ms.

    :raises ServerError: where no process is left, or one of them may not be read.
    """
    seconds = []
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        except psutil.Error as error:
            raise _unreadable(error) from error
        seconds.append(times.user + times.system + times.children_user + times.children_system)
    if not seconds:
        raise _ended()
    return round(sum(seconds) * 1e9)


def _processes(pids: Iterable[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        try:
            found.append(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue
        except psutil.Error as error:
            raise _unreadable(error) from error
    return found


def _unreadable(error: psutil.Error) -> ServerError:
    return ServerError("a process of the server may not be read", got=str(error))


def _ended() -> ServerError:
    return ServerError("the server has ended: none of its processes is left")
