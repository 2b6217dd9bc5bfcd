"""Gates among pytest's own ways of choosing, skipping and expecting."""

import pytest
from gate_project import BROKEN, KEPT, gated


@pytest.fixture
def three(project):
    """A gate that is kept, one that is broken, and another that is kept."""
    project.write_tests(
        gated(KEPT, name="test_first"),
        gated(BROKEN, name="test_second"),
        gated(KEPT, name="test_third"),
    )
    return project


def verdicts(project):
    gates = project.report()["gates"]
    return {gate["test"].partition("::test_")[2]: gate["verdict"] for gate in gates}


def test_x_stops_at_the_breach_and_the_gate_that_never_ran_is_not_forgotten(three):
    result = three.gate("-x")
    result.assert_outcomes(passed=1, failed=1)
    assert verdicts(three) == {"first": "pass", "second": "breach", "third": "inconclusive"}
    assert three.report()["gates"][2]["reason"] == "did not run"


def test_lf_runs_the_breached_gate_alone(three):
    three.gate()
    result = three.gate("--lf")
    result.assert_outcomes(failed=1)
    assert verdicts(three) == {"second": "breach"}


def test_k_runs_and_expects_what_was_chosen(three):
    result = three.gate("-k", "first or third")
    result.assert_outcomes(passed=2, deselected=1)
    assert result.ret == 0
    assert verdicts(three) == {"first": "pass", "third": "pass"}


def test_m_chooses_the_gates(three):
    three.write("test_plain.py", "def test_plain():\n    pass")
    three.gate("-m", "modelgate and not drift").assert_outcomes(passed=2, failed=1, deselected=1)


def test_a_node_id_chooses_one(three):
    three.gate("test_toy.py::test_first").assert_outcomes(passed=1)
    assert verdicts(three) == {"first": "pass"}


def test_collect_only_measures_nothing_and_writes_no_report(three):
    result = three.gate("--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["test_toy.py::test_first", "3 tests collected*"])
    result.stdout.no_fnmatch_line("*nothing was gated*")
    assert not (three.path / "report.json").exists()


def test_nothing_gated_is_no_pass(project):
    project.write("test_toy.py", "def test_plain():\n    pass")
    result = project.gate()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["modelgate: inconclusive (no gate ran)", "nothing was gated: no selected test carries *"]
    )


def test_every_gate_deselected_is_no_pass(three):
    result = three.gate("-k", "nowhere")
    result.assert_outcomes(deselected=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["nothing was gated: *"])


def test_no_test_at_all_is_no_pass(project):
    (project.path / "test_toy.py").unlink()
    assert project.gate().ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    "mark", ['@pytest.mark.skip(reason="too slow")', '@pytest.mark.skipif(True, reason="too slow")']
)
def test_a_skipped_gate_is_no_pass(project, mark):
    project.write_tests(gated(KEPT, name="test_first"), gated(KEPT, mark, name="test_skipped"))
    result = project.gate()
    result.assert_outcomes(passed=1, skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert verdicts(project) == {"first": "pass", "skipped": "inconclusive"}
    skipped = project.report()["gates"][1]
    assert skipped["skipped"]
    assert "too slow" in skipped["reason"]


def test_a_gate_that_skips_itself_is_no_pass(project):
    project.write_tests(gated(KEPT, body='pytest.skip("no model here")'))
    result = project.gate()
    result.assert_outcomes(skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "no model here" in project.the_gate()["reason"]


def test_skips_do_not_fail_the_session_where_the_inconclusive_only_warns(project):
    project.write_tests(gated(KEPT, "@pytest.mark.skip"))
    assert project.gate("--modelgate-inconclusive=warn").ret == 0


def test_an_expected_breach_is_an_xfail_and_its_verdict_stays_a_breach(project):
    project.write_tests(gated(BROKEN, "@pytest.mark.xfail"))
    result = project.gate()
    result.assert_outcomes(xfailed=1)
    assert result.ret == 0
    assert verdicts(project) == {"toy": "breach"}


def test_a_gate_that_is_kept_against_expectation_is_an_xpass(project):
    project.write_tests(gated(KEPT, "@pytest.mark.xfail(strict=True)"))
    project.gate().assert_outcomes(failed=1)
    assert verdicts(project) == {"toy": "pass"}


def test_a_gate_expected_to_fail_that_is_not_run_has_no_verdict(project):
    project.write_tests(gated(KEPT, "@pytest.mark.xfail(run=False)"))
    project.gate().assert_outcomes(xfailed=1)
    assert verdicts(project) == {"toy": "inconclusive"}


def test_a_test_that_fails_before_its_verdict_is_inconclusive_with_its_reason(project):
    project.write_tests(gated(KEPT, body="modelgate.check(INPUTS)\nassert 1 == 2"))
    project.gate().assert_outcomes(failed=1)
    gate = project.the_gate()
    assert (gate["verdict"], gate["skipped"]) == ("inconclusive", False)
    assert "1 == 2" in gate["reason"]


def test_a_fixture_that_fails_leaves_the_gate_inconclusive(project):
    project.write_tests(
        "@pytest.fixture\ndef documents():\n    raise ValueError('no such file')",
        gated(KEPT, arguments="modelgate, documents"),
    )
    project.gate().assert_outcomes(errors=1)
    assert project.the_gate()["reason"] == "ValueError: no such file"


def test_a_teardown_that_fails_does_not_take_the_verdict_away(project):
    project.write_tests(
        "@pytest.fixture\ndef documents():\n    yield\n    raise ValueError('cannot clean up')",
        gated(KEPT, arguments="modelgate, documents"),
    )
    project.gate().assert_outcomes(passed=1, errors=1)
    assert verdicts(project) == {"toy": "pass"}


def test_an_error_at_collection_fails_the_session_and_the_report_is_not_green(project):
    project.write("test_toy.py", "import there_is_no_such_module")
    assert project.gate().ret == pytest.ExitCode.INTERRUPTED
    assert project.report()["verdict"] == "inconclusive"


def test_gates_share_the_error_rate(project):
    project.write_tests(gated(BROKEN))
    project.gate().stdout.fnmatch_lines(["*beyond the limit < 1 ns, at 99 % confidence"])
    project.write_tests(gated(BROKEN), gated(KEPT, name="test_other"))
    project.gate().stdout.fnmatch_lines(["*beyond the limit < 1 ns, at 99.5 % confidence"])


def test_a_file_that_skips_itself_is_no_pass(project):
    project.write_tests('pytest.importorskip("there_is_no_such_module")', gated(KEPT))
    result = project.gate()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert project.report()["verdict"] == "inconclusive"


def test_a_file_that_skips_itself_is_left_alone_where_gates_were_chosen_otherwise(project):
    project.write_tests('pytest.importorskip("there_is_no_such_module")', gated(KEPT))
    project.write_tests(gated(KEPT, name="test_other"), file="test_other.py")
    assert project.gate("-k", "other").ret == pytest.ExitCode.OK


def test_sigterm_ends_the_session_as_ctrl_c_does_and_the_report_is_written(project):
    project.write_tests(
        gated(KEPT, name="test_first"),
        gated(KEPT, name="test_ended", body="import os\nos.kill(os.getpid(), 15)"),
    )
    result = project.run_alone("--modelgate", "--modelgate-json=report.json")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert verdicts(project) == {"first": "pass", "ended": "inconclusive"}
