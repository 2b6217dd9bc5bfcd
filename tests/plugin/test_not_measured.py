"""Ways to gate nothing or to hide a failure, none of which may be green."""

import pytest
from gate_project import BROKEN, KEPT, gated

FREE_FORM_THAT_MEASURES = """
@pytest.mark.modelgate("toy")
def test_dynamic(model_server, request):
    gate = request.getfixturevalue("modelgate")
    gate.record("recall", 0.01, threshold="> 0.9")
"""

RECORDS_TOO_LATE = """
@pytest.fixture
def late(modelgate):
    yield modelgate
    modelgate.record("recall", 0.01, threshold="> 0.9")


@pytest.mark.modelgate("toy")
def test_toy(late):
    late.record("fine", 1.0, threshold="> 0.5")
"""


def test_a_free_form_test_that_fetches_the_gate_is_judged(project):
    project.configure()
    project.write_tests(FREE_FORM_THAT_MEASURES)
    project.gate().assert_outcomes(failed=1)
    assert project.the_gate()["verdict"] == "breach"


def test_what_is_recorded_after_the_verdict_fails_the_teardown_without_a_traceback(project):
    project.configure()
    project.write_tests(RECORDS_TOO_LATE)
    result = project.gate()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the verdict has fallen*"])
    result.stdout.no_fnmatch_line("*gate.py*")


@pytest.mark.parametrize("content", ["pytest.importorskip('nonexistent')", "import nonexistent"])
@pytest.mark.parametrize("selection", [(), ("-m", "modelgate")])
def test_a_file_that_cannot_be_collected_may_have_gates(project, content, selection):
    project.configure()
    project.write_tests(gated(KEPT))
    project.write_tests(f"{content}\n{gated(KEPT)}", file="test_other.py")
    project.gate("--continue-on-collection-errors", *selection)
    assert project.report()["verdict"] == "inconclusive"


@pytest.mark.parametrize("flags", [{"fault": "garbage"}, {"fault": "error-500"}])
def test_a_failure_in_the_warmup_is_a_failure(project, flags):
    # One request is asked before the warm-up, for the first answer.
    project.configure(flags={**flags, "after": 1, "for": 1})
    project.write_tests(gated(KEPT))
    project.gate().assert_outcomes(failed=1)
    assert project.the_metric("errors.rate")["verdict"] == "breach"


def test_failures_before_the_first_answer_are_noted(project):
    project.configure(flags={"fault": "error-500", "for": 3})
    project.write_tests(gated(KEPT))
    project.gate().assert_outcomes(passed=1)
    (note,) = project.the_gate()["notes"]
    assert note.startswith("3 requests failed before the first was answered, the last: HTTP 500")


def test_an_earlier_report_does_not_pass_for_this_sessions(project):
    project.configure()
    project.write_tests(gated(KEPT))
    project.gate()
    assert project.report()["verdict"] == "pass"
    project.configure(nonsense=1)
    project.run("--modelgate", "--modelgate-json=report.json")
    assert not (project.path / "report.json").exists()


@pytest.mark.parametrize(
    "mark",
    [
        "@pytest.mark.drift(atol=10**400)",
        "@pytest.mark.load(requests=10**20)",
        '@pytest.mark.load(duration="1e300 s")',
        "@pytest.mark.load(concurrency=30, requests=10)",
        '@pytest.mark.thresholds({"latency.p50": "< 1 ns", "latency.p50.0": "< 1 s"})',
    ],
)
def test_what_no_measurement_can_do_is_refused_with_a_message(project, mark):
    project.configure()
    project.write_tests(gated(mark, BROKEN))
    result = project.gate()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*modelgate: *"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    assert project.the_gate()["verdict"] == "inconclusive"
