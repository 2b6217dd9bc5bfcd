"""The language of thresholds: ``"< 40 ms"``, ``"+5 %"``, or both: ``"< 40 ms, +5 %"``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pytest_modelgate.errors import ConfigError, did_you_mean
from pytest_modelgate.metrics import RECORDED_PERCENTILES, Evidence
from pytest_modelgate.units import example_value, parse_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modelgate.metrics import Metric

Operator = Literal["<", "<=", ">", ">="]

_OPERATORS: Mapping[str, Operator] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
_LIMIT = re.compile(r"(<=|>=|<|>)\s*(.*)")
_TOLERANCE = re.compile(r"([+-])\s*(\d{1,6}(?:\.\d*)?|\.\d+)\s*%", re.ASCII)
_PERCENT = re.compile(r"(.*?)\s*%")
_PERCENTILE = re.compile(r"(latency\.p)(\d{1,2}(?:\.\d{1,3})?)", re.ASCII)

MARKER_KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "latency": ("mean", *(f"p{p.replace('.', '_')}" for p in RECORDED_PERCENTILES)),
    "memory": ("peak", "idle", "after", "growth"),
    "drift": ("max_abs", "max_rel", "mismatched"),
}
"""The arguments of the markers that are named after metrics; any other percentile is one too."""


@dataclass(frozen=True)
class Limit:
    """An absolute limit, which needs no baseline; ``value`` is in the metric's unit."""

    op: Operator
    value: float

    def allows(self, value: float) -> bool:
        """Tell whether a value keeps the limit; NaN keeps none."""
        return {
            "<": value < self.value,
            "<=": value <= self.value,
            ">": value > self.value,
            ">=": value >= self.value,
        }[self.op]


@dataclass(frozen=True)
class Threshold:
    """What a metric must keep; at least one of ``limit`` and ``tolerance`` is set.

    :ivar text: as the user wrote it.
    :ivar limit: the absolute part.
    :ivar tolerance: the part against the baseline: worse by more than this fraction is a breach;
        never negative, for whichever direction is worse.
    """

    text: str
    limit: Limit | None
    tolerance: float | None


def parse_threshold(metric: Metric, text: object) -> Threshold:
    """Read a threshold for a metric.

    :param text: as the user wrote it; whatever is not text is refused.
    :raises ConfigError: where the text cannot be understood, or would gate nothing, or could never
        be kept.
    """
    limit: Limit | None = None
    tolerance: float | None = None
    if not isinstance(text, str):
        raise _unreadable(metric, text)
    for part in map(str.strip, text.split(",")):
        if match := _LIMIT.fullmatch(part):
            if limit is not None:
                raise _twice(metric, text, "limit")
            limit = _limit(metric, text, _OPERATORS[match.group(1)], match.group(2))
        elif match := _TOLERANCE.fullmatch(part):
            if tolerance is not None:
                raise _twice(metric, text, "tolerance")
            tolerance = _tolerance(metric, text, match.group(1), match.group(2))
        else:
            raise _unreadable(metric, text)
    return Threshold(text, limit, tolerance)


def _limit(metric: Metric, text: str, op: Operator, value_text: str) -> Limit:
    allowed = "<" if metric.better == "lower" else ">"
    if not op.startswith(allowed):
        raise _error(
            metric,
            text,
            f"{metric.better} is better, so its limit is written with {allowed!r} or '{allowed}='",
            hint=f'write "{allowed}{op[1:]} {value_text}"',
        )
    value = _value(metric, text, value_text)
    is_rate = metric.evidence is Evidence.COUNT
    if is_rate and not 0 <= value < 1:
        why = "a rate lies between 0 and 1 (100 %), so this limit gates nothing or is never kept"
        raise _error(metric, text, why, hint=f"write {_examples(metric)}")
    if value < 0 and metric.unit != "1":
        raise _error(metric, text, "the limit is negative", hint=f"write {_examples(metric)}")
    if op == "<" and value == 0 and (is_rate or metric.unit in {"s", "B"}):
        raise _error(metric, text, "nothing is below zero", hint=f'write "<= {value_text}"')
    return Limit(op, value)


def _value(metric: Metric, text: str, value_text: str) -> float:
    where = f"threshold {text!r} for {metric.name}"
    percent = _PERCENT.fullmatch(value_text)
    if percent and metric.evidence is Evidence.COUNT:
        return parse_value(percent.group(1), "1", where) / 100
    return parse_value(value_text, metric.unit, where)


def _tolerance(metric: Metric, text: str, sign: str, percent: str) -> float:
    if not metric.relative:
        raise _error(
            metric,
            text,
            "its baseline is commonly zero, of which no percentage can be taken",
            hint=f"give an absolute limit: {_examples(metric)}",
        )
    if sign == "-" and metric.better == "lower":
        raise _error(
            metric,
            text,
            'lower is better, and a tolerance says how much worse is allowed: "+5 %" is 5 % more',
            hint=f'write "+{percent} %"',
        )
    tolerance = float(Decimal(percent) / 100)
    if tolerance == 0 and metric.evidence is not Evidence.EXACT:
        raise _error(
            metric,
            text,
            "a measured value is never precise enough to be proven not worse by 0 %",
            hint=f'allow some noise, as in "{_example_tolerance(metric)}"',
        )
    if tolerance >= 1 and metric.better == "higher":
        raise _error(
            metric, text, "a fall of 100 % or more gates nothing", hint='write less, as in "-5 %"'
        )
    return tolerance


def _examples(metric: Metric) -> str:
    op = "<" if metric.better == "lower" else ">"
    if metric.evidence is Evidence.COUNT:
        return '"< 0.1 %" or "<= 0"'
    limit = f"{op} {example_value(metric.unit)}"
    if metric.relative:
        return f'"{limit}" or "{_example_tolerance(metric)}"'
    return f'"{limit}" or "{op}= {example_value(metric.unit)}"'


def _example_tolerance(metric: Metric) -> str:
    return "+5 %" if metric.better == "lower" else "-5 %"


def _error(metric: Metric, text: object, why: str, hint: str) -> ConfigError:
    return ConfigError(f"threshold {text!r} does not fit {metric.name}: {why}", hint=hint)


def _twice(metric: Metric, text: str, part: str) -> ConfigError:
    return _error(metric, text, f"it has more than one {part}", hint=f"keep one {part}")


def _unreadable(metric: Metric, text: object) -> ConfigError:
    return ConfigError(
        f"cannot read {text!r} as a threshold for {metric.name}",
        expected=f"text such as {_examples(metric)}",
        got=None if isinstance(text, str) else type(text).__name__,
    )


def canonical_name(name: str) -> str:
    """Return the one name of a metric: ``latency.p50.0`` is ``latency.p50``."""
    match = _PERCENTILE.fullmatch(name)
    return f"{match.group(1)}{float(match.group(2)):g}" if match else name


def marker_metric(marker: str, keyword: str) -> str:
    """Return the metric that a marker's keyword names: ``latency(p99_9=…)`` is ``latency.p99.9``.

    :param marker: ``"latency"``, ``"memory"`` or ``"drift"``.
    :raises ConfigError: for an unknown keyword, with the nearest valid one.
    """
    known = MARKER_KEYWORDS[marker]
    percentile = _PERCENTILE.fullmatch(f"{marker}.{keyword.replace('_', '.')}")
    if percentile and float(percentile.group(2)) > 0:
        return canonical_name(percentile.group())
    if keyword in known:
        return f"{marker}.{keyword}"
    more = " (any other percentile likewise)" if marker == "latency" else ""
    raise ConfigError(
        f"unknown argument {keyword!r} of the marker {marker!r}",
        expected=f"one of {', '.join(known)}{more}",
        hint=did_you_mean(keyword, known),
    )
