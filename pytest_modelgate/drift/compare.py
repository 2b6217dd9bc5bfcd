"""Answers against the baseline's: what cannot be compared, and how far the rest moved."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_modelgate.drift.elements import Movement, Tolerance, compare_elements, is_comparable
from pytest_modelgate.drift.report import DriftReport, WorstElement
from pytest_modelgate.errors import ConfigError
from pytest_modelgate.tensors import is_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.config.specs import DriftSpec
    from pytest_modelgate.tensors import Array, Tensors

DEFAULT_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
}
"""dtype → (rtol, atol), as torch.testing.assert_close has them; zero for every other dtype."""


def compare_answers(
    expected: Mapping[str, Tensors],
    actual: Mapping[str, tuple[Tensors, ...]],
    spec: DriftSpec,
) -> DriftReport:
    """Compare every distinct answer to every input with the one expected.

    Names, dtypes and shapes must be equal; what is not becomes a sentence in the report's structure
    and is not compared further. Elements are compared as ``elements`` says. ``spec.rtol`` and
    ``spec.atol`` stand for all dtypes; one that is None takes each dtype's default, the other's
    value notwithstanding. By default a NaN or an infinity matches nothing, not even its like;
    ``spec.equal_nan`` lets it match its like.

    Raises ConfigError for a tolerance that is negative or not finite: it would allow anything.
    """
    _check(spec)
    comparison = _Comparison(spec)
    for name, tensors in expected.items():
        comparison.add_input(name, tensors, actual.get(name, ()))
    for name in actual:
        if name not in expected:
            comparison.note("the baseline has no answer", name)
    return comparison.report()


def _check(spec: DriftSpec) -> None:
    for key, value in (("rtol", spec.rtol), ("atol", spec.atol)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ConfigError(
                f"drift({key}={value!r}) is no tolerance",
                expected="a finite number, zero or more",
            )


def _tolerance(dtype: np.dtype[Any], spec: DriftSpec) -> Tolerance:
    rtol, atol = DEFAULT_TOLERANCES.get(dtype.name, (0.0, 0.0))
    return Tolerance(
        rtol if spec.rtol is None else spec.rtol,
        atol if spec.atol is None else spec.atol,
        spec.equal_nan,
    )


class _Comparison:
    """A report in the making."""

    def __init__(self, spec: DriftSpec) -> None:
        self._spec = spec
        self._inputs = 0
        self._elements = 0
        self._movement = Movement()
        self._worst: WorstElement | None = None
        self._structure: dict[str, list[str]] = {}  # sentence → the inputs that it is true of

    def note(self, sentence: str, input_name: str) -> None:
        """Take down what cannot be compared, once for an input."""
        names = self._structure.setdefault(sentence, [])
        if input_name not in names[-1:]:
            names.append(input_name)

    def add_input(self, name: str, expected: Tensors, answers: tuple[Tensors, ...]) -> None:
        """Compare all distinct answers to one input."""
        if not answers:
            self.note("the answer is missing", name)
            return
        self._inputs += 1
        for answer in answers:
            for output in expected:
                if output in answer:
                    self._add_output(name, output, expected[output], answer[output])
                else:
                    self.note(f"output {output!r} is missing", name)
            for output in answer:
                if output not in expected:
                    self.note(f"output {output!r} is new", name)

    def _add_output(self, name: str, output: str, expected: Array, got: Array) -> None:
        differences = _structure(output, expected, got)
        for sentence in differences:
            self.note(sentence, name)
        if differences:
            return
        tolerance = _tolerance(expected.dtype, self._spec)
        moved = compare_elements(expected, got, tolerance)
        self._elements += expected.size
        if moved.position is not None and (
            self._worst is None or moved.excess > self._movement.excess
        ):
            index = tuple(int(i) for i in np.unravel_index(moved.position, expected.shape))
            before, now = _shown(expected[index]), _shown(got[index])
            error = _error(expected[index], got[index], tolerance)
            self._worst = WorstElement(name, output, index, before, now, error)
        self._movement = self._movement.joined(moved, 0)

    def report(self) -> DriftReport:
        """Return what was found."""
        return DriftReport(
            inputs=self._inputs,
            elements=self._elements,
            mismatched=self._movement.mismatched,
            max_abs=self._movement.max_abs,
            max_rel=self._movement.max_rel,
            worst=self._worst,
            structure=tuple(
                f"{sentence}, for input {names[0]!r}"
                + (f" and {len(names) - 1} more" if len(names) > 1 else "")
                for sentence, names in self._structure.items()
            ),
        )


def _structure(output: str, expected: Array, got: Array) -> list[str]:
    """Say why two tensors cannot be compared; nothing where they can."""
    differences = []
    if expected.dtype != got.dtype:
        now, before = _dtype(got), _dtype(expected)
        differences.append(f"output {output!r} has dtype {now}, the baseline {before}")
    elif not is_comparable(expected.dtype):
        differences.append(f"output {output!r} has dtype {expected.dtype}, which has no distance")
    if expected.shape != got.shape:
        now, before = str(list(got.shape)), str(list(expected.shape))
        differences.append(f"output {output!r} has shape {now}, the baseline {before}")
    return differences


def _dtype(array: Array) -> str:
    return "BYTES" if is_bytes(array) else str(array.dtype)


def _shown(element: object) -> str:
    """Write an element with all the digits that its dtype can tell apart; a text in short."""
    if isinstance(element, bytes):
        text = repr(element)
        return text if len(text) <= 60 else f"{text[:59]}…"
    return str(element)


def _error(expected: Any, got: Any, tolerance: Tolerance) -> str:  # noqa: ANN401 — numpy scalars
    if isinstance(expected, (bytes, np.bool_)):
        return "they must be equal"
    if isinstance(expected, np.integer):
        return f"|Δ| = {abs(int(got) - int(expected))}, allowed {tolerance.atol:g}"
    before, now = float(expected), float(got)
    if not (math.isfinite(before) and math.isfinite(now)):
        if tolerance.equal_nan:
            return "a NaN or an infinity matches only its like"
        return "a NaN or an infinity matches nothing, unless drift(equal_nan=True) allows its like"
    difference = abs(now - before)
    allowed = tolerance.atol + tolerance.rtol * abs(before)
    if f"{difference:.3g}" == f"{allowed:.3g}":
        return f"|Δ| = {difference!r}, allowed {allowed!r}"
    return f"|Δ| = {difference:.3g}, allowed {allowed:.3g}"
