"""The fixtures ``modelgate`` and ``model_server``."""

import pytest
from gate_project import KEPT, gated

RECORD = 'modelgate.record("recall", {}, better="higher", threshold="-1 %")'


def test_check_returns_what_was_measured(project):
    project.write_tests(
        gated(
            KEPT,
            body="measurement = modelgate.check(INPUTS)\n"
            "(run,) = measurement.runs\n"
            "assert run.requests == 42 and run.failures == 0\n"
            "assert run.values['latency.p50'] > 0\n"
            "assert measurement.server == 'toy'",
        )
    )
    project.gate().assert_outcomes(passed=1)


def test_check_twice_in_one_test_is_refused(project):
    project.write_tests(gated(KEPT, body="modelgate.check(INPUTS)\nmodelgate.check(INPUTS)"))
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["modelgate: modelgate.check() was called twice in one test", "*parametrize*"]
    )


def test_an_error_of_check_that_the_test_swallows_fails_it_all_the_same(project):
    project.configure(flags={"fault": "crash-at-start"})
    body = "try:\n    modelgate.check(INPUTS)\nexcept Exception:\n    pass"
    project.write_tests(gated(KEPT, body=body))
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: server 'toy' ended before it was live"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", "*it called neither modelgate.check() nor .record()"),
        ('modelgate.record("recall", 0.9)', "*no threshold applies to it"),
    ],
)
def test_a_test_that_measures_nothing_or_gates_nothing_fails(project, body, said):
    project.write_tests(gated(body=body))
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"modelgate: this test gates nothing: {said}"])


def test_a_number_alone_is_held_against_the_baseline_and_starts_no_server(project):
    project.configure(flags={"fault": "crash-at-start"}, thresholds={"latency.p50": "+5 %"})
    project.write_tests(gated(body=RECORD.format(0.93)))
    project.record()
    project.write_tests(gated(body=RECORD.format(0.925)))
    project.gate().assert_outcomes(passed=1)
    project.write_tests(gated(body=RECORD.format(0.5)))
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["  recall: breach", "*worse by 46.2 %; 1 % is allowed"])
    assert project.the_metric("recall")["baseline"]["value"] == 0.93


def test_a_number_has_no_baseline_until_one_is_recorded(project):
    project.write_tests(gated(body=RECORD.format(0.93)))
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no baseline recorded for this test*"])


def test_a_number_with_an_absolute_threshold_needs_no_baseline(project):
    project.write_tests(gated(body='modelgate.record("recall", 0.93, threshold="> 0.9")'))
    project.gate().assert_outcomes(passed=1)


def test_a_threshold_that_only_the_load_could_meet_fails_a_test_that_only_records(project):
    project.write_tests(gated(KEPT, body='modelgate.record("recall", 0.93, threshold="> 0.9")'))
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["  latency.p50: inconclusive", "*not measured: no run was made"])


def test_numbers_stand_beside_what_was_measured(project):
    project.write_tests(
        gated(KEPT, body='modelgate.check(INPUTS)\nmodelgate.record("f1", 0.5, threshold="> 0.4")')
    )
    project.gate().assert_outcomes(passed=1)
    assert project.the_metric("f1")["verdict"] == "pass"
    assert project.the_metric("latency.p50")["verdict"] == "pass"


def test_a_number_that_the_test_no_longer_records_is_told(project):
    both = [RECORD.format(0.93), 'modelgate.record("f1", 0.5, threshold="> 0.4")']
    project.write_tests(gated(body="\n".join(both)))
    project.record()
    project.write_tests(gated(body=both[1]))
    result = project.gate()
    result.stdout.fnmatch_lines(["*the baseline holds recall, which the test did not record*"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('modelgate.record("recall", float("nan"))', "*not a number that can be gated"),
        ('modelgate.record("latency.p50", 1)', "*the name is taken"),
        ('modelgate.record("x", 1, better="more")', "*better='more'"),
        ('modelgate.record("x", 1, threshold="5 %")', "*cannot read '5 %' as a threshold for x"),
    ],
)
def test_a_number_that_cannot_be_gated_is_refused(project, call, said):
    project.write_tests(gated(KEPT, body=f"modelgate.check(INPUTS)\n{call}"))
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"modelgate: {said}"])


def test_the_server_and_a_client_are_there_and_stop_with_the_test(project):
    project.write_tests(
        gated(
            KEPT,
            body="server = modelgate.server\n"
            "assert server.exit() is None and modelgate.server is server\n"
            "assert modelgate.client.get('/v2/health/ready').json() == {'ready': True}\n"
            "assert modelgate.client is modelgate.client\n"
            "modelgate.check(INPUTS)\n"
            "assert server.exit() is not None, 'it was measured beside another server'\n"
            "assert modelgate.server is not server",
        ),
    )
    project.gate().assert_outcomes(passed=1)


def test_a_client_alone_gates_nothing(project):
    project.write_tests(gated(KEPT, body="assert modelgate.client.get('/healthz').is_success"))
    project.gate().assert_outcomes(failed=1)


def test_model_server_is_for_tests_that_assert_for_themselves(project):
    project.configure(thresholds={"latency.p50": "+5 %"})
    project.write_tests(
        "import httpx",
        '@pytest.mark.modelgate("toy")\ndef test_free(model_server):\n'
        "    assert model_server.exit() is None\n"
        "    url = f'http://{model_server.host}:{model_server.port}/healthz'\n"
        "    assert httpx.get(url).json() == {'status': 'ok'}",
        gated(KEPT),
    )
    project.gate().assert_outcomes(passed=2)
    assert project.the_gate()["test"] == "test_toy.py::test_toy"


def test_a_free_form_test_alone_is_no_gate(project):
    project.write_tests('@pytest.mark.modelgate("toy")\ndef test_free(model_server):\n    pass')
    result = project.gate()
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["nothing was gated: *"])


def test_model_server_with_a_threshold_gates_and_so_must_measure(project):
    project.write_tests(
        f'@pytest.mark.modelgate("toy")\n{KEPT}\ndef test_free(model_server):\n    pass'
    )
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: this test gates nothing: it called neither *"])


@pytest.mark.parametrize("fixture", ["modelgate", "model_server"])
def test_a_fixture_without_the_marker_says_what_is_missing(project, fixture):
    project.write("test_toy.py", f"def test_toy({fixture}):\n    pass")
    for args in [(), ("--modelgate",)]:
        result = project.run(*args)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([f"the fixture '{fixture}' needs @pytest.mark.modelgate*"])


def test_a_server_that_does_not_start_is_a_sentence_also_for_a_free_form_test(project):
    project.configure(flags={"fault": "crash-at-start"})
    project.write_tests('@pytest.mark.modelgate("toy")\ndef test_free(model_server):\n    pass')
    result = project.gate()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["modelgate: server 'toy' ended before it was live", "*fatal: shard 60 of 60 is corrupt"]
    )
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_an_error_in_a_fixture_of_the_users_is_a_sentence_too(project):
    project.write_tests(
        "@pytest.fixture\ndef recorded(modelgate):\n    modelgate.record('latency.p50', 1)",
        gated(KEPT, arguments="modelgate, recorded"),
    )
    result = project.gate()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["modelgate: modelgate.record('latency.p50', …): *"])
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_a_fixture_of_the_users_may_measure(project):
    project.write_tests(
        "@pytest.fixture\ndef measured(modelgate):\n    return modelgate.check(INPUTS)",
        gated(KEPT, arguments="measured", body="assert measured.runs"),
    )
    project.gate().assert_outcomes(passed=1)


def test_drift_and_contract_pass_against_their_own_baseline_and_breach_against_another(project):
    project.write_tests(gated("@pytest.mark.drift()"))
    project.record()
    project.gate().assert_outcomes(passed=1)
    assert project.the_metric("drift.mismatched")["value"] == 0
    assert project.the_metric("contract")["verdict"] == "pass"
    project.configure(flags={"fault": "drift", "eps": 0.5})
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["  drift.mismatched: breach", "*worst: input 'row*', output 'y' at *: expected *, got *"]
    )


def test_json_endpoints_are_gated_too(project):
    project.configure(server={"protocol": "json", "path": "/predict", "answer": "result"})
    text = (project.path / "modelgate.toml").read_text().replace('model = "toy"\n', "")
    project.write("modelgate.toml", text)
    project.write_tests(
        gated(KEPT, "@pytest.mark.drift()", body='modelgate.check([{"x": [1, 2, 3, 4]}])')
    )
    project.record()
    project.gate().assert_outcomes(passed=1)
