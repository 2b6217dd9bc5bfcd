"""What the kernel counts for a control group or a process, read cheaply."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ServerError
from pytest_modelgate.servers.cgroups import V1_CPU_FILE, V1_MEMORY_FILE, V2_MEMORY_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable

_WHOLE_FILE = 1 << 16  # far above any of these files; the kernel gives what there is
_HIGH_WATER = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def cgroup_version(directory: Path) -> str:
    """Return "cgroup v1" or "cgroup v2"."""
    is_v1 = (directory / V1_MEMORY_FILE).exists() or (directory / V1_CPU_FILE).exists()
    return "cgroup v1" if is_v1 else "cgroup v2"


class WorkingSet:
    """The working set of a control group: what it uses, without the file cache it could drop.

    The files stay open: a reading takes 15 µs, a tenth of what opening them each time does.
    Definition and names: kubelet's working set; cgroup-v1/memory.rst and cgroup-v2.rst of the
    kernel's documentation.
    """

    def __init__(self, directory: Path) -> None:
        """Open the files; raises ServerError where they have gone."""
        is_v1 = (directory / V1_MEMORY_FILE).exists()
        self._key = b"\ntotal_inactive_file " if is_v1 else b"\ninactive_file "
        self._files: list[int] = []
        try:
            for name in (V1_MEMORY_FILE if is_v1 else V2_MEMORY_FILE, "memory.stat"):
                self._files.append(os.open(directory / name, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            self.close()
            raise _gone(error) from error

    def read_bytes(self) -> int:
        """Return the bytes in use now.

        :raises ServerError: where the server has ended, or the kernel's files say something else.
        """
        try:
            usage, stat = (os.pread(file, _WHOLE_FILE, 0) for file in self._files)
        except OSError as error:
            raise _gone(error) from error
        try:
            begin = stat.index(self._key) + len(self._key)
            return int(usage) - int(stat[begin : stat.index(b"\n", begin)])
        except ValueError as error:
            raise ServerError(
                "the control group's memory files cannot be read",
                expected=f"a number, and one after {self._key.decode().strip()}",
                got=str(error),
            ) from error

    def close(self) -> None:
        """Close the files."""
        while self._files:
            os.close(self._files.pop())


def cgroup_cpu_ns(directory: Path) -> int:
    """Return the processor time that a control group has used, in ns.

    :raises ServerError: where it has gone.
    """
    v1 = directory / V1_CPU_FILE
    try:
        if v1.exists():
            return int(v1.read_bytes())
        fields = (directory / "cpu.stat").read_text("ascii").split()
    except OSError as error:
        raise _gone(error) from error
    return int(fields[fields.index("usage_usec") + 1]) * 1000


def high_water_bytes(pids: Iterable[int]) -> int:
    """Return the sum of the processes' resident set high-water marks, 0 where none can be seen.

    proc(5), VmHWM: kept by the kernel, so that no peak is missed; since the start of each process,
    shared pages counted in each.
    """
    total = 0
    for pid in pids:
        try:
            status = Path(f"/proc/{pid}/status").read_text("utf-8", errors="replace")
        except OSError:  # ended meanwhile, or not Linux: the sampled peak has to do
            continue
        mark = _HIGH_WATER.search(status)
        total += int(mark.group(1)) * 1024 if mark else 0
    return total


def _gone(error: OSError) -> ServerError:
    return ServerError("the server has ended: its control group is gone", got=error.strerror)
