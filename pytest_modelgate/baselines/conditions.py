"""How the conditions of two measurements differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def differences(recorded: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Say how two fingerprints differ, a sentence for each condition; empty if they are equal."""
    return tuple(
        f"{key}: recorded {_quoted(recorded, key)}, now {_quoted(now, key)}"
        for key in sorted({*recorded, *now})
        if recorded.get(key) != now.get(key)
    )


def _quoted(conditions: Mapping[str, str], key: str) -> str:
    return repr(conditions[key]) if key in conditions else "nothing"
