"""The conditions a measurement was made under, and the state of the code it was made of."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_ARM_KEYS = ("CPU implementer", "CPU part", "CPU variant", "CPU revision")
_GIT_TIMEOUT_S = 10
_BASELINE_FILES = (":(exclude,glob)**/baseline.json", ":(exclude,glob)**/answers-*.safetensors")


def machine_conditions() -> dict[str, str]:
    """Return what of this machine a measured time depends on.

    ``cpu_count`` is the number of CPUs this process may use.
    """
    return {
        "arch": platform.machine(),
        "cpu_count": str(_usable_cpus()),
        "cpu_model": _cpu_model(),
        "kernel": platform.release(),
        "os": platform.system(),
    }


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    if platform.system() == "Darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor()
    text = _CPUINFO.read_text(errors="replace") if _CPUINFO.exists() else ""
    return cpu_model_in(text) or platform.processor() or platform.machine()


def cpu_model_in(cpuinfo: str) -> str:
    """Return the CPU's model from the text of /proc/cpuinfo, empty if it says none.

    ARM kernels name no model, but numbers that stand for it.
    """
    fields: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    return fields.get("model name") or ", ".join(
        f"{key} {fields[key]}" for key in _ARM_KEYS if key in fields
    )


def git_provenance(cwd: Path) -> dict[str, str]:
    """Return ``git_commit`` and ``git_dirty`` ("true", "false") of the work tree around a folder.

    Untracked files do not make it dirty, nor do baselines: a session that records several changes
    them between one and the next. Empty where there is no git, no repository, no commit yet,
    or no answer in 10 seconds.
    """
    commit = _output("git", "-C", str(cwd), "rev-parse", "HEAD")
    # Otherwise status would refresh the index, and so write to the repository.
    status = _output(
        "git", "--no-optional-locks", "-C", str(cwd), "status", "--porcelain", "-uno",
        "--", ":(top)", *_BASELINE_FILES,
    )  # fmt: skip
    if commit is None or status is None:
        return {}
    return {"git_commit": commit, "git_dirty": "true" if status else "false"}


def _output(*command: str) -> str | None:
    """Return what a command printed; None where it is absent, failed or hung: it has no answer."""
    try:
        done = subprocess.run(  # noqa: S603 - our own commands; the folder comes after -C
            command, capture_output=True, timeout=_GIT_TIMEOUT_S, check=True, text=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
