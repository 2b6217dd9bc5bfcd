"""The reference in docs/ names all that the code has, nothing else, with the same defaults."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from reader import ROOT
from tables import code, codes, rows_of

from pytest_modelgate import hookspecs, plugin
from pytest_modelgate.config.markers import DRIFT_ARGUMENTS, GATE_MARKERS, LOAD_ARGUMENTS
from pytest_modelgate.config.options import OPTIONS, Given
from pytest_modelgate.config.server_table import KEYS
from pytest_modelgate.config.specs import DriftSpec, LoadSpec, ServerSpec, Settings
from pytest_modelgate.drift import compare
from pytest_modelgate.gate import Gate
from pytest_modelgate.metrics import BUILT_IN, RECORDED_PERCENTILES, Metrics
from pytest_modelgate.thresholds import MARKER_KEYWORDS, marker_metric
from pytest_modelgate.units import parse_duration_s

CONFIGURATION = ROOT / "docs" / "configuration.md"
VERDICT = ROOT / "docs" / "verdict.md"


def _option_rows() -> dict[str, dict[str, str]]:
    return {code(row["key"]): row for row in rows_of(CONFIGURATION, "## Options")}


def test_every_option_is_named_and_no_other() -> None:
    assert list(_option_rows()) == [option.name for option in OPTIONS]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_has_its_flag_variable_and_default(option) -> None:
    row = _option_rows()[option.name]
    flags = [f"{option.flag} {option.metavar}" if option.metavar else option.flag]
    flags += [option.negative_flag] if option.negative_flag else []
    assert codes(row["option"]) == flags
    assert code(row["variable"]) == option.variable
    assert _default_of(row, option) == option.default
    field = {"budget": "budget_s"}.get(option.name, option.name)
    assert getattr(Settings(Path()), field) == option.default


def _default_of(row: dict[str, str], option) -> object:
    text = code(row["default"])
    if text is None:
        return None
    # As a file would give it: the page shows defaults as TOML, which JSON's literals are.
    return option.read(Given(json.loads(text), "the page", is_text=False, folder=Path()))


def _server_rows() -> dict[str, dict[str, str]]:
    return {code(row["key"]): row for row in rows_of(CONFIGURATION, "## Servers")}


def test_every_key_of_a_servers_table_is_named_and_no_other() -> None:
    assert set(_server_rows()) == KEYS


def _default_keys() -> dict[str, object]:
    """Return key → default of what a server has without being told."""
    defaults = {field.name: field.default for field in dataclasses.fields(ServerSpec)}
    return {
        name.removesuffix("_s"): default
        for name, default in defaults.items()
        if default not in (None, (), dataclasses.MISSING)
    }


def test_a_servers_key_has_its_default() -> None:
    shown = {key: code(row["default"]) for key, row in _server_rows().items()}
    documented = {key: json.loads(text) for key, text in shown.items() if text is not None}
    for key, default in _default_keys().items():
        if isinstance(default, float):
            documented[key] = parse_duration_s(documented[key])
    assert documented == _default_keys()


_KINDS = {
    "bool": "boolean",
    "float | None": "number",
    "int | None": "integer",
    "tuple[Mount, ...]": "array",
    "tuple[str, ...]": "array of strings",
    "tuple[str, ...] | None": "array of strings",
    "Mapping[str, str]": "table of strings",
    **dict.fromkeys(("str", "str | None", "Path | None", "Runtime", "Network"), "string"),
}


def test_a_servers_key_takes_what_the_page_says() -> None:
    rows = _server_rows()
    for field in dataclasses.fields(ServerSpec):
        if field.name == "name":
            continue
        if field.name.endswith("_s"):
            assert rows[field.name.removesuffix("_s")]["value"] == "duration"
        elif field.name.endswith("_bytes"):
            assert rows[field.name.removesuffix("_bytes")]["value"] == "size"
        else:
            assert rows[field.name]["value"] == _KINDS[field.type]


def _marker_rows() -> dict[tuple[str, str], dict[str, str]]:
    rows = rows_of(CONFIGURATION, "## Markers")
    return {(code(row["marker"]), code(row["argument"])): row for row in rows}


def test_every_argument_of_a_marker_is_named_and_no_other() -> None:
    arguments = {**MARKER_KEYWORDS, "load": LOAD_ARGUMENTS, "drift": DRIFT_ARGUMENTS}
    assert set(_marker_rows()) == {(m, name) for m, names in arguments.items() for name in names}
    assert {*arguments, "thresholds"} == set(GATE_MARKERS)


def test_an_argument_of_a_marker_has_its_default() -> None:
    shown = {key: code(row["default"]) for key, row in _marker_rows().items()}
    documented = {key: ast.literal_eval(text) for key, text in shown.items() if text is not None}
    load, drift = LoadSpec(), DriftSpec()
    assert documented == {
        ("load", "concurrency"): load.concurrency,
        ("load", "requests"): load.requests,
        ("load", "warmup"): load.warmup_requests,
        ("drift", "inputs"): drift.inputs,
        ("drift", "equal_nan"): drift.equal_nan,
    }
    assert (load.duration_s, drift.rtol, drift.atol) == (None, None, None)


def test_an_argument_that_is_a_threshold_names_its_metric() -> None:
    for (marker, argument), row in _marker_rows().items():
        if argument in MARKER_KEYWORDS.get(marker, ()):
            assert codes(row["meaning"])[0] == marker_metric(marker, argument)


def test_pytest_shows_the_markers_with_the_same_arguments_and_defaults() -> None:
    shown = {text.partition("(")[0]: text for text in plugin.MARKERS}
    assert set(shown) == {"modelgate", *GATE_MARKERS}
    for marker in ("load", "drift"):
        call = ast.parse(shown[marker].rpartition(":")[0].replace("…", "..."), mode="eval").body
        assert isinstance(call, ast.Call)
        found = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
        documented = {
            argument: ast.literal_eval(code(row["default"]) or "None")
            for (name, argument), row in _marker_rows().items()
            if name == marker
        }
        thresholds = MARKER_KEYWORDS.get(marker, ())
        assert found == {**documented, **dict.fromkeys(thresholds, ...)}


def test_every_dtype_has_its_tolerances() -> None:
    rows = rows_of(CONFIGURATION, "### Tolerances")
    shown = {row["dtype"]: (row["`rtol`"], row["`atol`"]) for row in rows}
    assert shown.pop("all others") == ("`0`", "`0`")
    assert {
        code(dtype): tuple(float(code(cell) or "") for cell in cells)
        for dtype, cells in shown.items()
    } == compare.DEFAULT_TOLERANCES


def test_every_fixture_is_named_with_what_it_has() -> None:
    rows = rows_of(CONFIGURATION, "## Fixtures")
    assert {code(row["fixture"]) for row in rows} == {
        function.name
        for function in ast.parse(inspect.getsource(plugin)).body
        if isinstance(function, ast.FunctionDef)
        and any(ast.unparse(decorator) == "pytest.fixture" for decorator in function.decorator_list)
    }
    members = [codes(row["member"])[0] for row in rows if row["member"]]
    public = {name for name in vars(Gate) if not name.startswith("_")}
    for_the_plugin = {"close", "conclude", "is_used"}
    assert {member.partition("(")[0] for member in members} == public - for_the_plugin
    for member in members:
        name, call, _ = member.partition("(")
        if call:
            assert _parameters(member) == _signature(getattr(Gate, name))


def _parameters(call: str) -> dict[str, Any]:
    tree = ast.parse(call, mode="eval").body
    assert isinstance(tree, ast.Call)
    required = {argument.id: inspect.Parameter.empty for argument in tree.args}  # type: ignore[attr-defined]
    return required | {k.arg: ast.literal_eval(k.value) for k in tree.keywords}


def _signature(function: Any) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.name != "self"}


def test_every_hook_is_named_with_its_arguments() -> None:
    rows = rows_of(CONFIGURATION, "## Hooks")
    assert {code(row["hook"]): tuple(codes(row["arguments"])) for row in rows} == {
        name: tuple(inspect.signature(function).parameters)
        for name, function in vars(hookspecs).items()
        if name.startswith("pytest_modelgate_")
    }


def test_every_metric_is_named_with_its_unit_and_how_it_may_be_gated() -> None:
    rows = rows_of(VERDICT, "## What is measured")
    documented = {name: row for row in rows for name in codes(row["metric"])}
    percentiles = [Metrics()[f"latency.p{p}"] for p in RECORDED_PERCENTILES]
    known = {metric.name: metric for metric in (*percentiles, *BUILT_IN)}
    assert set(documented) == set(known)
    for name, row in documented.items():
        metric = known[name]
        assert row["unit"] == metric.unit
        assert row["better"] == metric.better
        assert row["takes `+5 %`"] == ("yes" if metric.relative else "no")
