"""Markers on real tests: merged, parametrized, wrong, and somebody else's."""

import pytest
from gate_project import BROKEN, KEPT, LOAD, gated


def thresholds(project):
    """The gated metrics of the only gate, by name."""
    metrics = project.the_gate()["metrics"]
    return {metric["name"]: metric["threshold"] for metric in metrics if metric["threshold"]}


def test_markers_of_module_class_and_function_are_merged_and_the_closest_wins(project):
    project.configure(thresholds={"latency.p90": "< 40 s", "latency.mean": "< 40 s"})
    project.write_tests(
        'pytestmark = pytest.mark.latency(p50="< 30 s", p90="< 30 s")',
        '@pytest.mark.load(requests=40, warmup=2)\n@pytest.mark.latency(p50="< 20 s")\n'
        "class TestToy:\n"
        '    @pytest.mark.modelgate("toy")\n'
        '    @pytest.mark.latency(p75="< 10 s")\n'
        "    def test_it(self, modelgate):\n"
        "        modelgate.check(INPUTS)\n",
    )
    project.gate().assert_outcomes(passed=1)
    assert thresholds(project) == {
        "latency.p50": "< 20 s",  # the class's
        "latency.p75": "< 10 s",  # the function's
        "latency.p90": "< 30 s",  # the module's, over the configuration's
        "latency.mean": "< 40 s",  # the configuration's
        "errors.rate": "<= 0",
    }
    assert project.the_gate()["test"] == "test_toy.py::TestToy::test_it"


def test_a_class_marked_modelgate_gates_each_of_its_tests(project):
    project.write_tests(
        f'@pytest.mark.modelgate("toy")\n{LOAD}\n{KEPT}\n'
        "class TestToy:\n"
        "    def test_one(self, modelgate):\n        modelgate.check(INPUTS)\n"
        "    def test_two(self, modelgate):\n        modelgate.check(INPUTS)\n",
    )
    project.gate().assert_outcomes(passed=2)
    assert len(project.report()["gates"]) == 2


def test_the_closest_modelgate_marker_names_the_server(project):
    project.write_tests(
        'pytestmark = pytest.mark.modelgate("another")', gated(KEPT, name="test_toy")
    )
    project.gate().assert_outcomes(passed=1)
    assert project.the_gate()["server"] == "toy"


def test_each_parameter_is_a_gate_with_a_baseline_of_its_own(project):
    project.write_tests(
        gated(
            "@pytest.mark.drift()",
            '@pytest.mark.parametrize("size", [1, pytest.param(2, id="a/b"), '
            "pytest.param(3, id='a.b')])",
            arguments="modelgate, size",
            body='modelgate.check([{"x": np.ones((size, 4), np.float32)}])',
        )
    )
    project.record()
    folders = {name.rpartition("/")[0] for name in project.baselines()}
    assert len(folders) == 3
    project.gate().assert_outcomes(passed=3)
    assert [gate["test"] for gate in project.report()["gates"]] == [
        "test_toy.py::test_toy[1]",
        "test_toy.py::test_toy[a/b]",
        "test_toy.py::test_toy[a.b]",
    ]


def test_a_parameter_may_carry_markers_of_its_own(project):
    project.write_tests(
        gated(
            '@pytest.mark.parametrize("x", [pytest.param(1, marks='
            'pytest.mark.latency(p50="< 1 ns")), 2])',
            KEPT,
            arguments="modelgate, x",
        )
    )
    result = project.gate("-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_toy[[]1[]] FAILED*", "*test_toy[[]2[]] PASSED*"])


def test_the_organisations_defaults_gate_a_test_that_has_no_threshold(project):
    project.configure(thresholds={"latency.p50": "< 1 ns"})
    project.write_tests(gated())
    project.gate().assert_outcomes(failed=1)


def test_none_takes_a_default_away(project):
    project.configure(thresholds={"latency.p50": "< 1 ns"})
    project.write_tests(gated('@pytest.mark.latency(p50=None, p90="< 10 s")'))
    project.gate().assert_outcomes(passed=1)


def test_a_test_to_which_no_threshold_applies_gates_nothing_and_fails(project):
    project.write_tests(gated())
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: this test gates nothing: no threshold applies to it"])


@pytest.mark.parametrize("args", [(), ("--modelgate",)], ids=["off", "on"])
def test_somebody_elses_markers_of_the_same_names_are_left_alone(project, args):
    project.write_tests(
        '@pytest.mark.load("heavy", 3, cpus=2)\n@pytest.mark.memory("2 GiB")\n'
        '@pytest.mark.latency\n@pytest.mark.drift("slow")\ndef test_theirs():\n    pass',
        gated(KEPT, name="test_ours"),
    )
    result = project.run(*args, "--strict-markers")
    result.assert_outcomes(passed=2 if args else 1, skipped=0 if args else 1)


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ('@pytest.mark.latency(p5O="< 1 s")', "*unknown argument 'p5O' of the marker 'latency'"),
        ('@pytest.mark.latency(p50="40")', "*cannot read '40' as a threshold for latency.p50"),
        ("@pytest.mark.memory(peak=300)", "*peak*is not a threshold"),
        ("@pytest.mark.load(4)", "*@pytest.mark.load takes keyword arguments only"),
        ('@pytest.mark.modelgate("tou")', "no server 'tou' is configured"),
        ("@pytest.mark.modelgate", "@pytest.mark.modelgate takes the server's name *"),
    ],
)
def test_a_marker_that_cannot_be_understood_fails_its_own_test_and_no_other(project, marks, said):
    text = gated(KEPT, marks, name="test_wrong")
    if "modelgate" in marks:
        text = text.replace('@pytest.mark.modelgate("toy")\n', "")
    project.write_tests(text, gated(KEPT, name="test_right"))
    result = project.gate()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"modelgate: {said}"])
    result.stdout.no_fnmatch_line("*plugin.py*")
    wrong, right = project.report()["gates"]
    assert (wrong["verdict"], right["verdict"]) == ("inconclusive", "pass")
    assert wrong["test"] == "test_toy.py::test_wrong"


def test_a_wrong_marker_does_not_matter_on_a_test_that_is_skipped(project):
    project.write_tests(
        gated('@pytest.mark.latency(p5O="< 1 s")', "@pytest.mark.skip", name="test_wrong")
    )
    project.gate().assert_outcomes(skipped=1)


def test_the_markers_are_documented(project):
    result = project.run("--markers")
    result.stdout.fnmatch_lines(
        [
            f"@pytest.mark.{name}(*): *"
            for name in ("modelgate", "load", "latency", "memory", "drift")
        ]
    )


def test_every_breach_of_a_test_is_in_one_message(project):
    project.write_tests(
        gated(BROKEN, '@pytest.mark.memory(peak="< 1 B")', '@pytest.mark.latency(p90="< 1 ns")')
    )
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["modelgate: breach — toy: latency.p50, latency.p90, memory.peak",
         "  latency.p50: breach", "  latency.p90: breach", "  memory.peak: breach"]
    )  # fmt: skip
