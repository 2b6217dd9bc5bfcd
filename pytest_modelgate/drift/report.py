"""How far answers moved."""

from __future__ import annotations

from dataclasses import dataclass

_SHOWN = 10
"""Sentences on structure in a message; the rest is counted."""


@dataclass(frozen=True)
class WorstElement:
    """The element that moved furthest beyond what is allowed."""

    input_name: str
    output: str
    index: tuple[int, ...]
    expected: str
    got: str
    error: str

    def __str__(self) -> str:
        where = f"{self.output!r} at {list(self.index)}" if self.index else repr(self.output)
        return (
            f"input {self.input_name!r}, output {where}: "
            f"expected {self.expected}, got {self.got}; {self.error}"
        )


@dataclass(frozen=True)
class DriftReport:
    """The comparison of all answers with the baseline's.

    :ivar inputs: how many inputs were compared.
    :ivar elements: how many elements were compared, in all distinct answers to all inputs; with
        none, nothing is known of the answers.
    :ivar mismatched: how many of them lie beyond the tolerance.
    :ivar max_abs: largest absolute difference; infinite where a NaN or an infinity does not match,
        and where a text differs.
    :ivar max_rel: largest difference relative to the expected value; where zero was expected,
        infinite for an element beyond the tolerance, and without one within it.
    :ivar worst: the worst mismatched element, None where none is.
    :ivar structure: sentences on what cannot be compared at all: missing or new outputs and inputs,
        other shapes, other dtypes.
    """

    inputs: int
    elements: int
    mismatched: int
    max_abs: float
    max_rel: float
    worst: WorstElement | None
    structure: tuple[str, ...]

    def describe(self) -> list[str]:
        """Return the lines of a message: how many differ, the worst of them, the structure."""
        lines = [self._counts()]
        if self.worst is not None:
            lines.append(f"worst: {self.worst}")
        lines += self.structure[:_SHOWN]
        if len(self.structure) > _SHOWN:
            lines.append(f"… and {len(self.structure) - _SHOWN} more")
        return lines

    def _counts(self) -> str:
        inputs = f"{self.inputs:,} input{'' if self.inputs == 1 else 's'}"
        if self.elements == 0:
            return f"no element was compared, on {inputs}"
        if self.mismatched == 0:
            return f"all {self.elements:,} elements match, on {inputs}"
        return (
            f"{self.mismatched:,} of {self.elements:,} elements differ, on {inputs} "
            f"(largest |Δ| {self.max_abs:.3g}, largest |Δ|/|expected| {self.max_rel:.3g})"
        )
