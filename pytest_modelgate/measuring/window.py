"""The measuring window, in which the probes read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from pytest_modelgate.probes.probe import Probe, Reading


def probed_window(
    probes: Sequence[Probe], readings: Sequence[Reading], values: dict[str, float]
) -> Callable[[Callable[[], int]], AbstractContextManager[object]]:
    """Make the context that has the probes read exactly around the measuring window."""

    @contextlib.contextmanager
    def opened(completed: Callable[[], int]) -> Iterator[None]:
        # Whatever one of them raises, the others that have begun are ended.
        with contextlib.ExitStack() as begun:
            for probe, reading in zip(probes, readings, strict=True):
                reading.begin(completed)
                begun.callback(_take, probe, reading, values)
            yield

    return opened


def _take(probe: Probe, reading: Reading, values: dict[str, float]) -> None:
    values.update(_probed(probe, reading.end()))


def _probed(probe: Probe, values: Mapping[str, float]) -> dict[str, float]:
    """Return what a probe read, as floats: it may be anything that numpy has, or a whole number."""
    declared = [metric.name for metric in probe.metrics]
    if unknown := sorted(values.keys() - set(declared)):
        raise ConfigError(
            f"{type(probe).__name__} read {unknown[0]!r}, which it does not declare",
            expected=f"one of {', '.join(declared)}",
            hint="name every metric in the probe's metrics",
        )
    try:
        return {name: float(value) for name, value in values.items()}
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{type(probe).__name__} read what is no number",
            expected="metric name → number",
            got=repr(dict(values)),
        ) from error
