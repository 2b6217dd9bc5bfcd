"""Ways in which other tools come out green with nothing measured: here none of them does."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fault_project import MakeProject

CAUGHT = """\
try:
    {}
except Exception:
    pass
"""
BODIES = {
    "it never calls check": ("pass", "this test gates nothing: it called neither modelgate.check("),
    "it catches the error and goes on": (
        CAUGHT.format("modelgate.check([])"),
        "there are no inputs to send",
    ),
    "it catches the error and records a number instead": (
        CAUGHT.format("modelgate.check([])") + 'modelgate.record("recall", 1, threshold="> 0.5")',
        "there are no inputs to send",
    ),
    "it catches what is wrong with a number": (
        "modelgate.check(INPUTS)\n" + CAUGHT.format('modelgate.record("recall", float("nan"))'),
        "modelgate.record('recall', …): not a number that can be gated",
    ),
    "its second inputs are refused and it goes on": (
        "modelgate.check(INPUTS)\n" + CAUGHT.format("modelgate.check(INPUTS)"),
        "modelgate.check() was called twice in one test",
    ),
    "its inputs are none": ("modelgate.check([])", "there are no inputs to send"),
    "its generator has been read before": (
        "inputs = iter(INPUTS.values())\nlist(inputs)\nmodelgate.check(inputs)",
        "a generator that was read before has none left",
    ),
    "its inputs are no collection": (
        "modelgate.check(3)",
        "the inputs are not a collection of inputs",
    ),
    "an input is not what the protocol takes": (
        'modelgate.check([{"x": [1, 2, 3, 4]}])',
        "input 0: ",
    ),
    "the server refuses the inputs": (
        'modelgate.check([{"z": np.zeros((1, 4), np.float32)}])',
        "expected exactly one input, x",
    ),
}


@pytest.mark.parametrize("way", BODIES)
def test_a_test_that_measures_nothing_fails(fault_project: MakeProject, way: str) -> None:
    body, phrase = BODIES[way]
    project = fault_project()
    project.record_baseline()
    text = project.test_file.read_text()
    indented = textwrap.indent(body, "    ")
    project.test_file.write_text(text.replace("    modelgate.check(INPUTS)", indented))
    project.server = {"ready_timeout": "1 s"}
    project.inject(None)
    project.run("--modelgate").assert_one_message(phrase)


def test_a_drift_marker_without_answers_fails(fault_project: MakeProject) -> None:
    body = 'modelgate.record("recall", 1.0, threshold="> 0.5")'
    run = fault_project(marks="@pytest.mark.drift()", body=body).run("--modelgate")
    run.assert_one_message("this test carries the marker drift but called no modelgate.check()")


def test_a_test_without_any_threshold_fails(fault_project: MakeProject) -> None:
    run = fault_project(marks="@pytest.mark.load(requests=20, warmup=5)").run("--modelgate")
    run.assert_one_message("this test gates nothing: no threshold applies to it")


@pytest.mark.parametrize(
    "inputs",
    ["INPUTS", "list(INPUTS.values())", "(INPUTS[name] for name in INPUTS)"],
)
def test_inputs_of_every_kind_are_measured(fault_project: MakeProject, inputs: str) -> None:
    run = fault_project(body=f"modelgate.check({inputs})").run("--modelgate")
    assert run.exit_code == 0, run.output
    assert run.metric("errors.rate")["samples"] == 210


UNGATED = "def test_other():\n    pass\n"


def test_a_choice_of_tests_among_which_is_no_gate_is_not_green(fault_project: MakeProject) -> None:
    project = fault_project()
    (project.path / "test_other.py").write_text(UNGATED)
    run = project.run("--modelgate", "-k", "other")
    assert run.exit_code == 1, run.output
    assert "1 passed" in run.output
    assert "nothing was gated" in run.output


def test_nor_is_it_among_xdist_workers(fault_project: MakeProject) -> None:
    project = fault_project()
    (project.path / "test_other.py").write_text(UNGATED)
    run = project.run("--modelgate", "-n", "2", "-k", "other")
    assert run.exit_code == 1, run.output
    assert "nothing was gated" in run.output


@pytest.mark.parametrize(
    ("mark", "workers"),
    [
        ("@pytest.mark.skip(reason='no time')", []),
        ("@pytest.mark.skip(reason='no time')", ["-n", "2"]),
        ("@pytest.mark.xfail(run=False, reason='no time')", []),
    ],
    ids=["skip", "skip among xdist workers", "xfail"],
)
def test_a_gate_that_is_not_run_is_not_green(
    fault_project: MakeProject, mark: str, workers: list[str]
) -> None:
    run = fault_project(marks=f'{mark}\n@pytest.mark.latency(p50="< 1 s")').run(
        "--modelgate", *workers
    )
    assert run.exit_code == 1, run.output
    assert (run.gate["verdict"], run.gate["metrics"]) == ("inconclusive", [])
    assert "no time" in run.gate["reason"]
    run.assert_nothing_left()


def test_an_expected_failure_does_not_excuse_a_server_that_crashes(
    fault_project: MakeProject,
) -> None:
    marks = '@pytest.mark.xfail\n@pytest.mark.latency(p50="< 1 s")'
    run = fault_project("crash-at-start", marks=marks).run("--modelgate")
    assert run.exit_code == 1, run.output
    assert "1 xfailed" in run.output


def test_a_test_file_that_skips_itself_with_the_gates_in_it_is_not_green(
    fault_project: MakeProject,
) -> None:
    project = fault_project()
    (project.path / "test_kept.py").write_text(project.test_file.read_text())
    text = project.test_file.read_text()
    project.test_file.write_text(f"import pytest\npytest.importorskip('no_such_module')\n{text}")
    run = project.run("--modelgate")
    assert run.exit_code == 1, run.output


ONLY_WARN = "--modelgate-inconclusive=warn"


def test_where_inconclusive_only_warns_a_missing_baseline_is_a_warning(
    fault_project: MakeProject,
) -> None:
    project = fault_project(marks='@pytest.mark.memory(peak="+10 %")')
    (project.path / "pytest.ini").write_text("[pytest]\n")
    run = project.run("--modelgate", ONLY_WARN)
    assert run.exit_code == 0, run.output
    assert "1 passed, 1 warning" in run.output
    assert "no baseline recorded for this test" in run.output
    assert run.gate["verdict"] == "inconclusive"


WORSE = {
    "crash-at-start": ({}, "ended before it was live"),
    "exit": ({"after": 40}, "the server 'toy' ended: exit 3"),
    "error-500": ({"after": 40}, "errors.rate: breach"),
    "wrong-dtype": ({}, "is not what the server declares"),
}


@pytest.mark.parametrize("fault", WORSE)
def test_where_inconclusive_only_warns_a_fault_still_fails(
    fault_project: MakeProject, fault: str
) -> None:
    options, phrase = WORSE[fault]
    run = fault_project(fault, **options).run("--modelgate", ONLY_WARN)
    run.assert_one_message(phrase)


def test_a_report_that_cannot_be_written_is_not_green(fault_project: MakeProject) -> None:
    project = fault_project()
    (project.path / "blocked").write_text("")
    run = project.run("--modelgate", "--modelgate-json", "blocked/report.json")
    assert run.exit_code == 1, run.output
    assert "1 passed" in run.output
    assert "the JSON report cannot be written to" in run.output
    assert "give --modelgate-json a path that can be written" in run.output
    assert "Traceback" not in run.output
