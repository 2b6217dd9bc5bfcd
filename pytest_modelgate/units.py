"""Durations, sizes and rates: read as people write them, written as people read them."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Decimal, so that "0.3 ms" becomes the float nearest to 0.0003, as if it had been written so.
_SECONDS: Mapping[str, Decimal] = {
    "ns": Decimal("1e-9"),
    "µs": Decimal("1e-6"),
    "us": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
}
_BYTES: Mapping[str, Decimal] = {
    "B": Decimal(1),
    "kB": Decimal(10) ** 3,
    "KB": Decimal(10) ** 3,
    "MB": Decimal(10) ** 6,
    "GB": Decimal(10) ** 9,
    "TB": Decimal(10) ** 12,
    "KiB": Decimal(2) ** 10,
    "MiB": Decimal(2) ** 20,
    "GiB": Decimal(2) ** 30,
    "TiB": Decimal(2) ** 40,
}
_ACCEPTED: Mapping[str, Mapping[str, Decimal]] = {
    "s": _SECONDS,
    "B": _BYTES,
    "B/request": {f"{unit}/request": scale for unit, scale in _BYTES.items()},
    "1/s": {"/s": Decimal(1)},
    "1": {"": Decimal(1)},
}
_EXAMPLES = {"s": "40 ms", "B": "300 MiB", "B/request": "1 KiB/request", "1/s": "500/s", "1": "0.1"}

_NAMED = {"s": "a duration", "B": "a size", "1": "a plain number"}

_SHOWN_SCALES: Mapping[str, tuple[tuple[str, float], ...]] = {
    "s": (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)),
    "B": (("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 2.0**10), ("B", 1.0)),
}

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(.*)", re.ASCII)
_ROUNDS_UP_TO_ONE = 0.9995  # with three digits, so 999.6 µs is shown as 1 ms


def example_value(unit: str) -> str:
    """Return a value as one may write it in this unit."""
    return _EXAMPLES.get(unit, f"1 {unit}")


def parse_value(value: object, unit: str, where: str | None = None) -> float:
    """Read a number with its unit, and return it in ``unit``.

    :param unit: ``"s"``, ``"B"``, ``"B/request"``, ``"1/s"``, ``"1"`` (a plain number); any other
        unit is accepted as itself only.
    :param where: what is being read, for the message.
    :raises ConfigError: for anything else: no unit, another unit, not finite, not text.
    """
    accepted = _ACCEPTED.get(unit, {unit: Decimal(1)})
    if isinstance(value, str):
        match = _QUANTITY.fullmatch(value.strip().replace("μ", "µ"))  # Greek mu for micro sign
        if match and (scale := accepted.get(match.group(2))) is not None:
            result = float(Decimal(match.group(1)) * scale)
            if math.isfinite(result):
                return result
    kind = _NAMED.get(unit, "a value")
    units = ", ".join(accepted)
    with_unit = f"a number and its unit ({units})" if units else "a number"
    raise ConfigError(
        f"{where}: cannot read {value!r} as {kind}"
        if where
        else f"cannot read {value!r} as {kind}",
        expected=f'{with_unit}, as "{example_value(unit)}"',
        got=None if isinstance(value, str) else type(value).__name__,
    )


def _parse_unsigned(value: object, unit: str, where: str | None) -> float:
    result = parse_value(value, unit, where)
    if result < 0:
        prefix = f"{where}: " if where else ""
        raise ConfigError(
            f"{prefix}{value!r} is negative", expected=f'{_NAMED[unit]}, as "{example_value(unit)}"'
        )
    return result


def parse_duration_s(value: object, where: str | None = None) -> float:
    """Read ``"60 s"``, ``"40ms"``, ``"1.5 min"``, ``"250 µs"`` and return seconds, never negative.

    A number without a unit is refused: nobody could tell what it means.

    :param where: what is being read, for the message.
    :raises ConfigError: saying what was expected.
    """
    return _parse_unsigned(value, "s", where)


def parse_bytes(value: object, where: str | None = None) -> int:
    """Read ``"512 MiB"``, ``"300MB"``, ``"1 KiB"`` and return whole bytes, never negative.

    :param where: what is being read, for the message.
    :raises ConfigError: saying what was expected.
    """
    return round(_parse_unsigned(value, "B", where))


def format_value(value: float, unit: str) -> str:
    """Return a value in a metric's unit as people read it: three digits, and a fitting prefix.

    ``(0.00812, "s")`` → ``"8.12 ms"``; ``(1234, "1/s")`` → ``"1,234/s"``; ``(0.05, "1")`` →
    ``"0.05"``. Not-finite values are shown as ``∞``, ``-∞`` and ``nan``, without a unit.
    """
    if not math.isfinite(value):
        return _digits(value)
    if unit == "1":
        return _digits(value)
    if unit == "1/s":
        return f"{_digits(value)}/s"
    base, slash, per = unit.partition("/")
    scales = _SHOWN_SCALES.get(base, ((base, 1.0),))
    fitting = (scale for scale in scales if abs(value) / scale[1] >= _ROUNDS_UP_TO_ONE)
    smallest = scales[0] if value == 0 and base == "s" else scales[-1]
    name, factor = next(fitting, smallest)
    return f"{_digits(value / factor)} {name}{slash}{per}"


def format_percent(fraction: float) -> str:
    """Return a fraction as a percentage with three digits: ``0.0012`` → ``"0.12 %"``."""
    return f"{_digits(fraction * 100)} %"


def format_change(fraction: float) -> str:
    """Return a relative change with its sign: ``+0.012`` → ``"+1.2 %"``.

    Three digits, and no more than two decimals.
    """
    percent = round(fraction * 100, 2) + 0.0 if math.isfinite(fraction) else fraction
    return f"{'+' if percent > 0 else ''}{_digits(percent)} %"


def _digits(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.3g}"
