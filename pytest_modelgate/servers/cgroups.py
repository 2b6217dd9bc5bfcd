"""Where the kernel keeps account of a process's control group: directories of cgroup v1 and v2."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

V1_MEMORY_FILE = "memory.usage_in_bytes"
V2_MEMORY_FILE = "memory.current"
V1_CPU_FILE = "cpuacct.usage"
V2_CPU_FILE = "cpu.stat"


@dataclass(frozen=True)
class Cgroups:
    """The directories of one process's control group.

    :ivar path: the group's path as the kernel names it, "" where the process is not to be seen.
    :ivar memory: the directory with the memory files, None where there is none.
    :ivar cpu: likewise for processor time.
    """

    path: str
    memory: Path | None
    cpu: Path | None


def locate(pid: int, proc: Path = Path("/proc")) -> Cgroups:
    """Find the control group of a process.

    Where both versions are mounted (hybrid), the controller is where v1 lists it. Sources:
    cgroups(7) for /proc/pid/cgroup, proc(5) for /proc/self/mountinfo.

    :param proc: the proc file system; a test gives another.
    """
    try:
        groups = _groups(proc / str(pid) / "cgroup")
        mounts = (proc / "self/mountinfo").read_text("utf-8")
    except OSError:  # the process is gone, or this is no Linux
        return Cgroups("", None, None)
    directories = {
        controller: directory
        for controller, path in groups.items()
        if (directory := _directory(controller, path, mounts)) is not None
    }
    unified = directories.get("")
    return Cgroups(
        path=groups.get("memory") or groups.get("", ""),
        memory=_having(V1_MEMORY_FILE, directories.get("memory"))
        or _having(V2_MEMORY_FILE, unified),
        cpu=_having(V1_CPU_FILE, directories.get("cpuacct")) or _having(V2_CPU_FILE, unified),
    )


def pids_of(directory: Path) -> tuple[int, ...]:
    """Return the processes of a control group, none where it has gone."""
    try:
        return tuple(int(pid) for pid in (directory / "cgroup.procs").read_text("ascii").split())
    except OSError:
        return ()


def _groups(file: Path) -> dict[str, str]:
    """Return controller → path; the controller of v2 is ""."""
    groups: dict[str, str] = {}
    for line in file.read_text("utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def _directory(controller: str, path: str, mounts: str) -> Path | None:
    """Return where a group's files are: below the mount point, relative to the mount's root."""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        root, mount_point = before.split(" ")[3:5]
        kind, _, super_options = after.split(" ", 2)
        fits = (
            kind == "cgroup2"
            if controller == ""
            else (kind == "cgroup" and controller in super_options.split(","))
        )
        if fits and PurePosixPath(path).is_relative_to(root):
            return Path(mount_point) / PurePosixPath(path).relative_to(root)
    return None


def _having(file: str, directory: Path | None) -> Path | None:
    return directory if directory is not None and (directory / file).is_file() else None
