"""What the markers of one test ask for; the plugin hands the marks over as plain data."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_modelgate.config.specs import DriftSpec, LoadSpec
from pytest_modelgate.errors import ConfigError, did_you_mean
from pytest_modelgate.thresholds import (
    MARKER_KEYWORDS,
    canonical_name,
    marker_metric,
    parse_threshold,
)
from pytest_modelgate.units import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_modelgate.config.specs import Settings
    from pytest_modelgate.metrics import Metrics
    from pytest_modelgate.thresholds import Threshold

GATE_MARKERS = ("load", "latency", "memory", "drift", "thresholds")
"""Markers that act only beside ``modelgate``: somebody else's of the same name is left alone."""

_MOST = 10**9
"""More than any sensible count, and less than what would overflow somewhere."""

_LONGEST_S = 86_400.0

LOAD_ARGUMENTS = ("concurrency", "requests", "duration", "warmup")
_LENGTHS = frozenset({"requests", "duration"})  # of which a load has one
DRIFT_ARGUMENTS = ("rtol", "atol", "inputs", "equal_nan", *MARKER_KEYWORDS["drift"])


@dataclass(frozen=True)
class Mark:
    """One marker on a test, as written."""

    name: str
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class GateSpec:
    """What one gated test is to measure and to hold it against.

    :ivar nodeid: the test as pytest names it.
    :ivar test: the same relative to the configuration's folder: the baseline's key.
    :ivar thresholds: metric name → threshold: the marker's, else the organisation's default.
    :ivar own_thresholds: the names among them that the test's own markers gave.
    :ivar drift: how answers are compared; None where the test does not gate them.
    """

    nodeid: str
    test: str
    server: str
    load: LoadSpec
    thresholds: Mapping[str, Threshold]
    own_thresholds: frozenset[str]
    drift: DriftSpec | None


def gate_spec(
    nodeid: str, test: str, marks: Sequence[Mark], settings: Settings, metrics: Metrics
) -> GateSpec:
    """Read the marks of a test, the closest first, into what they ask for.

    :raises ConfigError: an unknown server, argument or metric, or a malformed value; the message
        names the marker.
    """
    server = _server_name(next(mark for mark in marks if mark.name == "modelgate"), settings)
    texts: dict[str, str | None] = {}
    for mark in marks:
        texts = {**_threshold_texts(mark), **texts}
    own = {name: text for name, text in texts.items() if text is not None}
    defaults = {name: text for name, text in settings.thresholds.items() if name not in texts}
    return GateSpec(
        nodeid=nodeid,
        test=test,
        server=server,
        load=_load_spec(_load_kwargs(marks)),
        thresholds={
            name: parse_threshold(metrics[name], text) for name, text in {**defaults, **own}.items()
        },
        own_thresholds=frozenset(own),
        drift=_drift_spec(_merged_kwargs("drift", marks))
        if any(mark.name == "drift" for mark in marks)
        else None,
    )


def _server_name(mark: Mark, settings: Settings) -> str:
    if len(mark.args) != 1 or mark.kwargs or not isinstance(mark.args[0], str):
        raise ConfigError(
            "@pytest.mark.modelgate takes the server's name and nothing else",
            expected='@pytest.mark.modelgate("NAME")',
            got=_call(mark),
        )
    name = mark.args[0]
    if name not in settings.servers:
        raise ConfigError(
            f"no server {name!r} is configured",
            expected="one of " + ", ".join(sorted(settings.servers))
            if settings.servers
            else f"a table [tool.modelgate.servers.{name}] in pyproject.toml, "
            f"or [servers.{name}] in modelgate.toml",
            hint=did_you_mean(name, settings.servers),
        )
    return name


def _merged_kwargs(name: str, marks: Sequence[Mark]) -> dict[str, object]:
    """Return the keywords of all marks of a name, the closest mark's value winning."""
    merged: dict[str, object] = {}
    for mark in marks:
        if mark.name == name:
            _reject_positional(mark)
            merged = {**mark.kwargs, **merged}
    return merged


def _load_kwargs(marks: Sequence[Mark]) -> dict[str, object]:
    """Return the load's arguments, the closest mark's winning; None is as good as not given."""
    merged: dict[str, object] = {}
    for mark in marks:
        if mark.name != "load":
            continue
        _reject_positional(mark)
        _reject_unknown("load", mark.kwargs, LOAD_ARGUMENTS)
        given = {name: value for name, value in mark.kwargs.items() if value is not None}
        if given.keys() >= _LENGTHS:
            raise ConfigError(
                "@pytest.mark.load takes requests or duration, not both", got=_call(mark)
            )
        # A closer mark that says how long the load is says so in the place of either argument.
        decided = merged.keys() | (_LENGTHS if merged.keys() & _LENGTHS else ())
        merged |= {name: value for name, value in given.items() if name not in decided}
    return merged


def _reject_positional(mark: Mark) -> None:
    if mark.args:
        raise ConfigError(f"@pytest.mark.{mark.name} takes keyword arguments only", got=_call(mark))


def _threshold_texts(mark: Mark) -> dict[str, str | None]:
    """Return metric name → threshold text; None takes the organisation's default away."""
    texts: dict[str, str | None] = {}
    for argument, metric, value in _given_thresholds(mark):
        if metric in texts:
            raise ConfigError(
                f"@pytest.mark.{mark.name} names {metric} twice", hint="keep one", got=_call(mark)
            )
        texts[metric] = _threshold_text(mark, argument, value)
    return texts


def _given_thresholds(mark: Mark) -> Iterator[tuple[str, str, object]]:
    """Yield argument, metric name and value for every threshold in a mark."""
    if mark.name == "thresholds":
        for name, value in _named_thresholds(mark).items():
            yield name, canonical_name(name), value
    elif mark.name in MARKER_KEYWORDS:
        _reject_positional(mark)
        for keyword, value in mark.kwargs.items():
            if mark.name != "drift" or keyword in MARKER_KEYWORDS["drift"]:
                yield keyword, marker_metric(mark.name, keyword), value


def _named_thresholds(mark: Mark) -> Mapping[str, object]:
    given = mark.args[0] if len(mark.args) == 1 and not mark.kwargs else None
    if isinstance(given, dict) and all(isinstance(name, str) for name in given):
        return given
    raise ConfigError(
        "@pytest.mark.thresholds takes one mapping of metrics to thresholds",
        expected='@pytest.mark.thresholds({"throughput": "-5 %"})',
        got=_call(mark),
    )


def _threshold_text(mark: Mark, argument: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ConfigError(
        f"{argument} of @pytest.mark.{mark.name} is not a threshold",
        expected='a string such as "+5 %" or "< 40 ms"; None: not gated here',
        got=repr(value),
    )


def _load_spec(kwargs: Mapping[str, object]) -> LoadSpec:
    default = LoadSpec()
    spec = LoadSpec(
        concurrency=_whole("load", "concurrency", kwargs, default.concurrency, least=1),
        requests=_whole("load", "requests", kwargs, default.requests or 1, least=1),
        warmup_requests=_whole("load", "warmup", kwargs, default.warmup_requests, least=0),
    )
    if "duration" in kwargs:
        seconds = parse_duration_s(kwargs["duration"], "@pytest.mark.load(duration=…)")
        if not 0 < seconds <= _LONGEST_S:
            raise ConfigError(
                "@pytest.mark.load(duration=…) is not a time to measure for",
                expected="longer than nothing, and a day at most",
                got=repr(kwargs["duration"]),
            )
        return dataclasses.replace(spec, requests=None, duration_s=seconds)
    if spec.requests is not None and spec.requests < spec.concurrency:
        raise ConfigError(
            f"@pytest.mark.load: {spec.requests} requests never keep {spec.concurrency} "
            "connections busy",
            hint="ask for more requests, or a lower concurrency",
        )
    return spec


def _drift_spec(kwargs: Mapping[str, object]) -> DriftSpec:
    _reject_unknown("drift", kwargs, DRIFT_ARGUMENTS)
    equal_nan = kwargs.get("equal_nan", False)
    if not isinstance(equal_nan, bool):
        raise ConfigError("@pytest.mark.drift(equal_nan=…) is True or False", got=repr(equal_nan))
    return DriftSpec(
        rtol=_tolerance("rtol", kwargs),
        atol=_tolerance("atol", kwargs),
        inputs=_whole("drift", "inputs", kwargs, DriftSpec().inputs, least=1),
        equal_nan=equal_nan,
    )


def _tolerance(name: str, kwargs: Mapping[str, object]) -> float | None:
    value = kwargs.get(name)
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= sys.float_info.max
    ):
        raise ConfigError(
            f"@pytest.mark.drift({name}=…) is not a tolerance",
            expected="a finite number, 0 or more",
            got=repr(value),
        )
    return float(value)


def _whole(
    marker: str, name: str, kwargs: Mapping[str, object], default: int, *, least: int
) -> int:
    value = kwargs.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
        raise ConfigError(
            f"@pytest.mark.{marker}({name}=…) is not a number of that kind",
            expected=f"a whole number, {least} or more, {_MOST:,} at most",
            got=repr(value),
        )
    return value


def _reject_unknown(marker: str, kwargs: Mapping[str, object], known: Sequence[str]) -> None:
    for keyword in kwargs:
        if keyword not in known:
            raise ConfigError(
                f"@pytest.mark.{marker} has no argument {keyword!r}",
                expected="one of " + ", ".join(known),
                hint=did_you_mean(keyword, known),
            )


def _call(mark: Mark) -> str:
    arguments = [repr(arg) for arg in mark.args]
    arguments += [f"{key}={value!r}" for key, value in mark.kwargs.items()]
    return f"@pytest.mark.{mark.name}({', '.join(arguments)})"
