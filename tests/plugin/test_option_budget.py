"""``--modelgate-budget``: how long a gate may take side by side."""

from __future__ import annotations

import pytest
from gate_project import gated

LOAD = "@pytest.mark.load(requests=20, warmup=2)"
WIDE = '@pytest.mark.latency(p50="+99999 %")'
TINY = '@pytest.mark.latency(p50="+0.001 %")'
"""A tolerance that no number of rounds can settle: they go on until the budget is spent."""

TOO_FEW = "only 1 round side by side fitted the time, and it takes 3: raise --modelgate-budget"


def configure(project, file="modelgate.toml", **settings):
    project.configure(file, runs=2, side_by_side="always", flags={"work": "200us"}, **settings)


@pytest.fixture
def recorded(empty_project):
    """A project with a baseline, whose gate holds the two servers side by side."""
    configure(empty_project)
    empty_project.write_tests(gated(WIDE, load=LOAD))
    empty_project.record()
    return empty_project


def assert_too_few_rounds(project):
    found = project.the_metric("latency.p50")
    assert (found["method"], found["verdict"]) == ("side-by-side", "inconclusive")
    assert (found["reason"], found["runs"]) == (TOO_FEW, 1)


def test_too_little_for_three_rounds_is_inconclusive_and_says_so(recorded):
    result = recorded.gate("--modelgate-budget=1ms")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: inconclusive — toy: latency.p50", f"*{TOO_FEW}*"])
    assert_too_few_rounds(recorded)


def test_the_rounds_end_when_it_is_spent_and_what_they_saw_is_told(recorded):
    recorded.write_tests(gated(TINY, load=LOAD))
    result = recorded.gate("--modelgate-budget=3 s")
    result.assert_outcomes(failed=1)
    found = recorded.the_metric("latency.p50")
    assert (found["method"], found["verdict"]) == ("side-by-side", "inconclusive")
    assert found["runs"] >= 3
    result.stdout.fnmatch_lines(
        ["*only a change of *could have been seen, and 0.001 % is allowed*"]
    )


@pytest.mark.parametrize("file", ["modelgate.toml", "pyproject.toml"])
def test_the_file_says_how_long(recorded, file):
    (recorded.path / "modelgate.toml").unlink()
    configure(recorded, file, budget="1 ms")
    recorded.gate().assert_outcomes(failed=1)
    assert_too_few_rounds(recorded)


def test_the_environment_stands_before_the_file_and_the_command_line_before_both(
    recorded, monkeypatch
):
    configure(recorded, budget="50 s")
    monkeypatch.setenv("MODELGATE_BUDGET", "1 ms")
    recorded.gate().assert_outcomes(failed=1)
    assert_too_few_rounds(recorded)
    recorded.gate("--modelgate-budget=60 s").assert_outcomes(passed=1)
    assert recorded.the_metric("latency.p50")["runs"] >= 3


@pytest.mark.parametrize("value", ["60", "-1 s", "long"])
def test_what_is_no_duration_is_a_usage_error(recorded, value):
    result = recorded.gate(f"--modelgate-budget={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--modelgate-budget is not valid", '*a duration, as "60 s"'])
