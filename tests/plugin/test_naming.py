"""Names: of inputs in messages, of tests in baselines; and inputs that are too many to hold."""

import pytest
from gate_project import KEPT, gated

DRIFT = "@pytest.mark.drift()"


def test_a_mapping_names_its_inputs_in_messages(project):
    inputs = '{"invoice.pdf": {"x": np.zeros((1, 4), np.float32)}}'
    project.write_tests(gated(DRIFT, body=f"modelgate.check({inputs})"))
    project.record()
    project.configure(flags={"fault": "drift"})
    project.gate().stdout.fnmatch_lines(["*worst: input 'invoice.pdf', output 'y' at *"])


def test_inputs_without_names_are_numbered(project):
    project.write_tests(gated(DRIFT, body="modelgate.check(list(INPUTS.values())[:1])"))
    project.record()
    project.configure(flags={"fault": "drift"})
    project.gate().stdout.fnmatch_lines(["*worst: input 'input 0', output 'y' at *"])


def test_an_input_that_cannot_be_sent_is_named(project):
    body = 'modelgate.check({"good": INPUTS["row0"], "bad": [1, 2]})'
    project.write_tests(gated(KEPT, body=body))
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: bad: an input for oip-http must be a mapping *"])


def test_the_parameters_of_a_test_name_it_in_the_message(project):
    project.write_tests(
        gated(
            '@pytest.mark.latency(p50="< 1 ns")',
            '@pytest.mark.parametrize("kind", ["pdf"])',
            arguments="modelgate, kind",
        )
    )
    result = project.gate()
    result.stdout.fnmatch_lines(["*_ test_toy[[]pdf[]] _*", "BREACH  toy  *::test_toy[[]pdf[]]"])


@pytest.fixture
def nested(project):
    """A project whose tests lie below the configuration's folder, with a baseline recorded."""
    (project.path / "tests" / "unit").mkdir(parents=True)
    (project.path / "test_toy.py").rename(project.path / "tests" / "unit" / "test_toy.py")
    project.write_tests(gated(DRIFT), file="tests/unit/test_toy.py")
    project.record()
    return project


@pytest.mark.parametrize(
    ("cwd", "args"),
    [
        (".", ()),
        (".", ("tests/unit/test_toy.py::test_toy",)),
        (".", ("--rootdir=tests",)),
        (".", ("--rootdir=..",)),
        ("tests", ()),
        ("tests/unit", ("test_toy.py",)),
        ("tests/unit", ("--rootdir=.",)),
        ("elsewhere", ("../tests",)),
    ],
)
def test_the_baseline_is_found_wherever_pytest_is_started(nested, monkeypatch, cwd, args):
    before = nested.baselines()
    (nested.path / cwd).mkdir(exist_ok=True)
    monkeypatch.chdir(nested.path / cwd)
    nested.run("--modelgate", f"--modelgate-json={nested.path / 'report.json'}", *args)
    gate = nested.the_gate()
    assert gate["verdict"] == "pass"
    assert gate["test"].endswith("test_toy.py::test_toy")
    assert nested.baselines() == before


def test_the_baseline_is_found_through_a_link(nested, monkeypatch):
    link = nested.path.with_name("link")
    link.symlink_to(nested.path)
    before = nested.baselines()
    monkeypatch.chdir(link.parent)
    nested.run("--modelgate", f"--modelgate-json={nested.path / 'report.json'}", str(link))
    assert nested.the_gate()["verdict"] == "pass"
    assert nested.baselines() == before


def test_a_renamed_test_is_compared_with_nothing_and_says_so(nested):
    nested.write_tests(gated(DRIFT, name="test_renamed"), file="tests/unit/test_toy.py")
    result = nested.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no baseline recorded for this test*"])


def test_the_same_name_in_two_files_is_two_baselines(project):
    for file in ("test_toy.py", "test_too.py"):
        project.write_tests(gated(DRIFT), file=file)
    project.record()
    assert len({name.rpartition("/")[0] for name in project.baselines()}) == 2


def test_other_inputs_are_another_workload(project):
    project.write_tests(gated(DRIFT))
    project.record()
    project.write_tests(gated(DRIFT, body="modelgate.check(dict(list(INPUTS.items())[:3]))"))
    result = project.gate()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*recorded for another workload: the inputs have changed since*"])


def test_no_more_inputs_of_a_generator_are_read_than_requests_are_sent(project):
    body = (
        "consumed = []\n"
        "def inputs():\n"
        "    for n in range(10**6):\n"
        "        consumed.append(n)\n"
        "        yield {'x': np.full((1, 4), n, np.float32)}\n"
        "modelgate.check(inputs())\n"
        "assert len(consumed) == 200"
    )
    project.write_tests(gated(KEPT, body=body, load="@pytest.mark.load(requests=200, warmup=300)"))
    project.gate().assert_outcomes(passed=1)


def test_a_generator_that_was_read_before_has_no_inputs_left(project):
    body = "inputs = iter(INPUTS.values())\nlist(inputs)\nmodelgate.check(inputs)"
    project.write_tests(gated(KEPT, body=body))
    project.gate().stdout.fnmatch_lines(["modelgate: there are no inputs to send"])
