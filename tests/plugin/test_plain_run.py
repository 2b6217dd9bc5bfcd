"""What the plugin does to pytest where nobody asks for a gate: next to nothing."""

import json

import pytest
from gate_project import KEPT, gated

HEAVY = ("numpy", "scipy", "httpx", "httptools", "docker", "psutil", "rich", "filelock", "ssl")
OURS_EXPECTED = {
    "pytest_modelgate",
    "pytest_modelgate.config",
    "pytest_modelgate.config.file",
    "pytest_modelgate.errors",
    "pytest_modelgate.hookspecs",
    "pytest_modelgate.config.options",
    "pytest_modelgate.plugin",
}

LIST_MODULES = """\
import json, sys
def pytest_unconfigure(config):
    with open("modules.json", "w") as file:
        json.dump(sorted(sys.modules), file)
"""


@pytest.fixture
def plain(project):
    """A project with a gated test and a plain one, of which the gated one imports nothing."""
    text = gated(KEPT, body="modelgate.check([])", name="test_gated")
    project.write("test_toy.py", f"import pytest\n\n{text}\n\ndef test_plain():\n    pass\n")
    return project


def test_a_gated_test_is_skipped_with_the_reason_and_others_run(plain):
    result = plain.run("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["SKIPPED*test_toy.py:*: a model gate: runs with --modelgate"])


def test_nothing_heavy_is_imported(plain):
    plain.write("conftest.py", LIST_MODULES)
    result = plain.run_alone()
    result.assert_outcomes(passed=1, skipped=1)
    modules = set(json.loads((plain.path / "modules.json").read_text()))
    assert modules.isdisjoint(HEAVY)
    assert {name for name in modules if name.startswith("pytest_modelgate")} == OURS_EXPECTED


def test_a_configuration_that_cannot_be_read_does_not_stop_a_plain_run(plain):
    plain.write("modelgate.toml", "this is no TOML")
    plain.run().assert_outcomes(passed=1, skipped=1)


def test_without_the_plugin_a_gated_test_lacks_its_fixture(plain):
    plain.write("tox.ini", "[pytest]\nfilterwarnings = ignore\n")
    result = plain.run("-p", "no:modelgate")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'modelgate' not found"])


def test_strict_markers_and_warnings_as_errors_are_fine(plain):
    result = plain.run("--strict-markers", "--strict-config", "-W", "error")
    result.assert_outcomes(passed=1, skipped=1)


def test_a_skipped_gate_leaves_no_report_and_no_baseline(plain):
    plain.run("--modelgate-json=report.json").assert_outcomes(passed=1, skipped=1)
    assert not (plain.path / "report.json").exists()
    assert plain.baselines() == {}


def test_a_free_form_test_is_skipped_too(project):
    project.write_tests('@pytest.mark.modelgate("toy")\ndef test_free(model_server):\n    pass')
    project.run().assert_outcomes(skipped=1)
