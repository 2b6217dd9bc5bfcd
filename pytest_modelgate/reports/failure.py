"""The failure of a gated test: every breached metric in one message that says what to do."""

from __future__ import annotations

import itertools
import shlex
from typing import TYPE_CHECKING, Any

from pytest_modelgate.units import format_change, format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A gate of the JSON report: its values are what the schema says, which a type cannot express here.
Json = Any


def render_failure(
    gate: Mapping[str, Json], *, drift: Sequence[str] = (), log: Sequence[str] = ()
) -> str:
    """Render why a gate is not green.

    :param drift: lines that say how the answers moved.
    :param log: the server's last log lines; shown where requests failed.
    """
    failing = [m for m in gate["metrics"] if m["verdict"] in ("breach", "inconclusive")]
    failing.sort(key=lambda metric: metric["verdict"] != "breach")
    lines = [_headline(gate, failing)]
    lines += [f"  {gate['reason']}"] if gate["reason"] else []
    for (verdict, reason), group in itertools.groupby(failing, _verdict_and_reason):
        alike = list(group)
        # One reason for all of them: no baseline, say. A breach is always shown with its numbers.
        if reason and len(alike) > 1 and verdict == "inconclusive":
            names = ", ".join(metric["name"] for metric in alike)
            lines += [f"  {names}: {verdict}", f"    {reason}"]
        else:
            lines += [line for metric in alike for line in _metric_lines(metric)]
    lines += [f"  {line}" for line in drift]
    lines += [f"  {note}" for note in gate["notes"]]
    lines += _what_to_do(gate, failing)
    if log:
        lines += [f"  server's last {len(log)} log lines:", *(f"    | {line}" for line in log)]
    return "\n".join(lines)


def _headline(gate: Mapping[str, Json], failing: Sequence[Mapping[str, Json]]) -> str:
    """Say it in one line: pytest's summary and a JUnit report's attribute have room for no more."""
    decisive = [metric["name"] for metric in failing if metric["verdict"] == gate["verdict"]]
    names = f": {', '.join(decisive)}" if decisive else ""
    return f"modelgate: {gate['verdict']} — {gate['server']}{names}"


def _verdict_and_reason(metric: Mapping[str, Json]) -> tuple[str, str | None]:
    return metric["verdict"], metric["reason"]


def _metric_lines(metric: Mapping[str, Json]) -> list[str]:
    lines = [f"  {metric['name']}: {metric['verdict']}"]
    lines += [f"    {metric['reason']}"] if metric["reason"] else []
    if metric["value"] is not None:
        lines.append(f"    measured  {_interval(metric, metric)}{_evidence(metric)}")
    if metric["baseline"]:
        lines.append(f"    baseline  {_interval(metric['baseline'], metric)}")
    if metric["change"] and metric["change"]["value"] is not None:
        change = metric["change"]
        between = ""
        if change["low"] is not None and change["high"] is not None:
            between = f" ({format_change(change['low'])} … {format_change(change['high'])})"
        lines.append(f"    change    {format_change(change['value'])}{between}")
    lines.append(f"    threshold {metric['threshold']}")
    return lines


def _interval(values: Mapping[str, Json], metric: Mapping[str, Json]) -> str:
    shown = {
        key: _number(values[key], metric)
        for key in ("value", "low", "high")
        if values.get(key) is not None
    }
    if len(shown) == 3 and shown["low"] != shown["high"]:
        return f"{shown['value']} ({shown['low']} … {shown['high']})"
    return shown.get("value", "–")


def _evidence(metric: Mapping[str, Json]) -> str:
    if not metric["runs"]:
        return ""
    plural = "" if metric["runs"] == 1 else "s"
    return f", {metric['runs']} run{plural}, {metric['samples']:,} samples"


def _number(value: float, metric: Mapping[str, Json]) -> str:
    if metric["name"] == "errors.rate":
        return format_percent(value)
    return format_value(value, metric["unit"])


def _what_to_do(gate: Mapping[str, Json], failing: Sequence[Mapping[str, Json]]) -> list[str]:
    if gate["recorded"] is not None:
        return ["  nothing was recorded: the baseline in git is as it was"]
    if any(metric["verdict"] == "breach" and metric["baseline"] for metric in failing):
        return [
            "  if this change is intended, record it and commit the difference:",
            f"    pytest --modelgate --update-baseline {shlex.quote(gate['test'])}",
        ]
    return []
