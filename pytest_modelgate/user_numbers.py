"""A number of the user's own, checked before it is gated."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ConfigError
from pytest_modelgate.metrics import Evidence, Metric
from pytest_modelgate.runs import Recorded
from pytest_modelgate.thresholds import parse_threshold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modelgate.metrics import Better, Metrics

_DIRECTIONS: Mapping[str, Better] = {"lower": "lower", "higher": "higher"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def user_number(
    name: str,
    value: float,
    better: str,
    threshold: str | None,
    *,
    taken: Sequence[str],
    metrics: Metrics,
) -> Recorded:
    """Check what ``modelgate.record`` was given.

    :param taken: names that this test has recorded already.
    :raises ConfigError: a name that is malformed or taken, a value that is no finite number, an
        unknown direction or a malformed threshold.
    """
    if not _NAME.fullmatch(str(name)):
        raise ConfigError(
            "modelgate.record() needs a name",
            expected="letters, digits, '.', '_' and '-', a letter first",
            got=repr(name),
        )
    if name in taken or name in metrics:
        raise ConfigError(
            f"modelgate.record({name!r}, …): the name is taken",
            hint="each number of a test, and each built-in metric, has a name of its own",
        )
    if better not in _DIRECTIONS:
        raise ConfigError(
            f"modelgate.record({name!r}, …): better={better!r}",
            expected="'higher' or 'lower'",
        )
    number = _finite(name, value)
    if threshold is not None:
        metric = Metric(name, "1", _DIRECTIONS[better], Evidence.EXACT, conditions=False)
        parse_threshold(metric, threshold)
    return Recorded(name, number, _DIRECTIONS[better], threshold)


def _finite(name: str, value: float) -> float:
    try:
        number = float("nan") if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"modelgate.record({name!r}, …): no number", got=repr(value)) from error
    if not math.isfinite(number):
        raise ConfigError(
            f"modelgate.record({name!r}, …): not a number that can be gated",
            expected="a finite number",
            got=repr(value),
        )
    return number
