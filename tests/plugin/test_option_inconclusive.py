"""``--modelgate-inconclusive``: whether what cannot be told fails the test or warns."""

import pytest
from gate_project import BROKEN, KEPT, gated

NO_BASELINE = '@pytest.mark.latency(p50="+5 %")'


@pytest.fixture
def inconclusive(project):
    """A project whose gate has no baseline, and in which warnings stay warnings."""
    project.write("tox.ini", "[pytest]\nfilterwarnings = default\n")
    project.write_tests(gated(NO_BASELINE))
    return project


def test_it_fails_unless_told_otherwise(inconclusive):
    result = inconclusive.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: inconclusive — toy: latency.p50", "*no baseline*"])


def test_warn_lets_it_pass_with_a_warning_and_the_verdict_stays(inconclusive):
    result = inconclusive.gate("--modelgate-inconclusive=warn")
    result.assert_outcomes(passed=1, warnings=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*ModelgateWarning: modelgate: inconclusive*", "*no baseline*"])
    assert inconclusive.report()["verdict"] == "inconclusive"


@pytest.mark.parametrize("file", ["modelgate.toml", "pyproject.toml"])
def test_the_file_says_warn(inconclusive, file):
    (inconclusive.path / "modelgate.toml").unlink()
    inconclusive.configure(file, inconclusive="warn")
    inconclusive.gate().assert_outcomes(passed=1, warnings=1)


def test_the_environment_says_warn_and_the_command_line_fail(inconclusive, monkeypatch):
    monkeypatch.setenv("MODELGATE_INCONCLUSIVE", "warn")
    inconclusive.gate().assert_outcomes(passed=1, warnings=1)
    inconclusive.gate("--modelgate-inconclusive=fail").assert_outcomes(failed=1)


def test_a_breach_fails_all_the_same(inconclusive):
    inconclusive.write_tests(gated(BROKEN))
    inconclusive.gate("--modelgate-inconclusive=warn").assert_outcomes(failed=1)


def test_a_measurement_that_could_not_be_made_fails_all_the_same(inconclusive):
    inconclusive.configure(flags={"fault": "crash-at-start"})
    inconclusive.gate("--modelgate-inconclusive=warn").assert_outcomes(failed=1)


def test_an_update_that_is_refused_fails_all_the_same(inconclusive):
    inconclusive.configure(runs=2)
    inconclusive.write_tests(gated('@pytest.mark.latency(mean="+0.001 %")'))
    result = inconclusive.gate("--update-baseline", "--modelgate-inconclusive=warn")
    result.assert_outcomes(failed=1)


def test_where_warnings_are_errors_the_warning_fails_without_a_traceback(inconclusive):
    inconclusive.write("tox.ini", "[pytest]\nfilterwarnings = error\n")
    result = inconclusive.gate("--modelgate-inconclusive=warn")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: inconclusive — toy: latency.p50"])
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_warn_lets_a_session_pass_in_which_nothing_was_gated(project):
    project.write("test_toy.py", "def test_plain():\n    pass")
    assert project.gate().ret == pytest.ExitCode.TESTS_FAILED
    assert project.gate("--modelgate-inconclusive=warn").ret == pytest.ExitCode.OK


def test_it_is_fail_or_warn(project):
    result = project.gate("--modelgate-inconclusive=ignore")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--modelgate-inconclusive is not valid", "*fail*warn*"])


def test_a_pass_is_a_pass(project):
    project.write_tests(gated(KEPT))
    project.gate("--modelgate-inconclusive=warn").assert_outcomes(passed=1)
