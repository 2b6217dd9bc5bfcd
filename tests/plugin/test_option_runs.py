"""``--modelgate-runs``: how often a server is started afresh."""

import pytest
from gate_project import gated


def runs(project):
    return project.the_metric("latency.p50")["runs"]


def test_there_are_as_many_runs_as_asked_for_and_the_command_line_stands_first(
    project, monkeypatch
):
    monkeypatch.setenv("MODELGATE_RUNS", "2")
    project.gate()
    assert runs(project) == 2
    project.gate("--modelgate-runs=3")
    assert runs(project) == 3


@pytest.mark.parametrize("file", ["modelgate.toml", "pyproject.toml"])
def test_the_file_says_how_many(project, file):
    (project.path / "modelgate.toml").unlink()
    project.configure(file, runs=2)
    project.gate()
    assert runs(project) == 2


def test_five_are_made_unless_told_otherwise(project):
    text = (project.path / "modelgate.toml").read_text()
    project.write("modelgate.toml", text.replace("runs = 1\n", ""))
    project.gate()
    assert runs(project) == 5


@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_less_than_one_is_a_usage_error(project, value):
    result = project.gate(f"--modelgate-runs={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--modelgate-runs is not valid", "*an integer, 1 or more"])


def test_one_run_says_nothing_of_how_far_runs_differ_and_cannot_be_recorded_for_a_tolerance(
    project,
):
    project.write_tests(gated('@pytest.mark.latency(p50="+50 %")'))
    result = project.gate("--update-baseline")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*how far runs differ needs at least 2 runs, 1 recorded"])
