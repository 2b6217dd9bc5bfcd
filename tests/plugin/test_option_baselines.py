"""``--modelgate-baselines``: the folder of the baselines."""

import pytest


def folders(project):
    """Where baselines were recorded, from the project's folder."""
    found = project.path.rglob("baseline.json")
    return [str(path.parents[2].relative_to(project.path)) for path in found]


def test_it_is_beside_the_configuration_unless_told_otherwise(project, monkeypatch):
    (project.path / "elsewhere").mkdir()
    monkeypatch.chdir(project.path / "elsewhere")
    project.run("--update-baseline", "..").assert_outcomes(passed=1)
    assert folders(project) == ["baselines"]


def test_on_the_command_line_it_is_relative_to_where_pytest_was_started(project, monkeypatch):
    (project.path / "elsewhere").mkdir()
    monkeypatch.chdir(project.path / "elsewhere")
    project.run("--update-baseline", "--modelgate-baselines=kept", "..").assert_outcomes(passed=1)
    assert folders(project) == ["elsewhere/kept"]


def test_an_absolute_path_is_taken_as_it_is(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("baselines")
    project.record(f"--modelgate-baselines={folder}")
    assert list(folder.rglob("baseline.json"))
    assert folders(project) == []


def test_the_environment_stands_before_the_file(project, monkeypatch):
    project.configure(baselines="by-the-file")
    monkeypatch.setenv("MODELGATE_BASELINES", "by-the-environment")
    project.record()
    assert folders(project) == ["by-the-environment"]


@pytest.mark.parametrize("file", ["modelgate.toml", "pyproject.toml"])
def test_in_the_file_it_is_relative_to_the_file(project, file):
    (project.path / "modelgate.toml").unlink()
    project.configure(f"service/{file}", baselines="kept")
    (project.path / "test_toy.py").rename(project.path / "service" / "test_toy.py")
    project.record("service")
    assert folders(project) == ["service/kept"]


def test_a_folder_that_cannot_be_made_is_the_tests_failure_in_a_sentence(project):
    (project.path / "file").write_text("")
    result = project.gate("--update-baseline", "--modelgate-baselines=file/kept")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["modelgate: cannot write the baseline *", "*to do: *"])
    result.stdout.no_fnmatch_line("*Traceback*")
