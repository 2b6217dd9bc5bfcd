"""The verdict table at the end of the session, rendered from the JSON report."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pytest_modelgate.units import format_change, format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Mapping

_STYLES = {"pass": "green", "breach": "bold red", "inconclusive": "yellow", None: "dim"}
_RECORDED = {
    None: "",
    "recorded": "  baseline recorded",
    "unchanged": "  baseline unchanged",
    "refused": "  baseline not recorded",
}

# The report is JSON: its values are what the schema says, which a type cannot express here.
Json = Any


def render_terminal(report: Mapping[str, Json], *, width: int, color: bool) -> str:
    """Render one table a gate and the session's verdict, at most ``width`` columns wide."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
    )
    for gate in report["gates"]:
        _print_gate(console, gate)
    console.print(_session_line(report))
    return stream.getvalue().rstrip("\n")


def _print_gate(console: Console, gate: Mapping[str, Json]) -> None:
    title = Text.assemble(
        (gate["verdict"].upper(), _STYLES[gate["verdict"]]),
        f"  {gate['server']}  {gate['test']}{_RECORDED[gate['recorded']]}",
    )
    console.print(title)
    if gate.get("reason"):
        # The rest of the message, and the server's log, stand where the test failed.
        console.print(Text(f"  {gate['reason'].splitlines()[0]}"))
    if gate["metrics"]:
        console.print(_metric_table(gate["metrics"]))
    reasons: dict[str, list[str]] = {}
    for metric in gate["metrics"]:
        if metric["reason"]:
            reasons.setdefault(metric["reason"], []).append(metric["name"])
    for reason, names in reasons.items():
        console.print(Text(f"  {', '.join(names)}: {reason}", style="dim"), soft_wrap=True)
    for note in gate.get("notes", ()):
        console.print(Text(f"  {note}", style="dim"))
    console.print()


def _metric_table(metrics: list[Mapping[str, Json]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("  metric", no_wrap=True)
    for name in ("baseline", "measured", "change", "threshold", "could see"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for metric in metrics:
        table.add_row(*_row(metric))
    return table


def _row(metric: Mapping[str, Json]) -> list[Text]:
    unit, style = metric["unit"], _STYLES[metric["verdict"]]
    baseline, change = metric["baseline"] or {}, metric["change"] or {}
    seen = metric["smallest_detectable_change"]
    return [
        Text(f"  {metric['name']}"),
        Text(_number(baseline.get("value"), unit, metric["name"])),
        Text(_number(metric["value"], unit, metric["name"])),
        Text("–" if change.get("value") is None else format_change(change["value"])),
        Text(metric["threshold"] or "–"),
        Text("–" if seen is None else f"±{format_change(seen).lstrip('+')}"),
        Text(metric["verdict"] or "–", style=style),
    ]


def _number(value: float | None, unit: str, name: str) -> str:
    if value is None:
        return "–"
    if name == "errors.rate":
        return format_percent(value)
    return format_value(value, unit).replace("/request", "/req")


def _session_line(report: Mapping[str, Json]) -> Text:
    verdict = report["verdict"]
    count = len(report["gates"])
    gates = "no gate ran" if not count else f"{count} gate{'s' if count > 1 else ''}"
    return Text.assemble("modelgate: ", (verdict, _STYLES[verdict]), f" ({gates})")
