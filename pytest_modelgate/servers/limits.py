"""How limits are written in the conditions: exactly, lest two different ones look equal."""

from __future__ import annotations

_UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10), ("B", 1))


def cpus_text(cpus: float | None) -> str:
    """Return "1", "0.5", "unlimited"."""
    return "unlimited" if cpus is None else f"{cpus:g}"


def memory_text(memory_bytes: int | None) -> str:
    """Return "512 MiB", "unlimited": in the largest unit of which it is a whole number."""
    if memory_bytes is None:
        return "unlimited"
    unit, size = next((unit, size) for unit, size in _UNITS if memory_bytes % size == 0)
    return f"{memory_bytes // size} {unit}"
