"""``--modelgate-runtime``: the same server run another way."""

import pytest

IMAGE = {"image": "modelgate-test/there-is-no-such-image:1"}


def test_a_server_with_an_image_and_a_command_runs_as_a_process_when_told_so(project):
    project.configure(server=IMAGE)
    project.gate("--modelgate-runtime=process").assert_outcomes(passed=1)
    assert project.the_gate()["conditions"]["engine"] == "none: a plain process"


@pytest.mark.parametrize("file", ["modelgate.toml", "pyproject.toml"])
def test_the_file_says_it(project, file):
    (project.path / "modelgate.toml").unlink()
    project.configure(file, server=IMAGE, runtime="process")
    project.gate().assert_outcomes(passed=1)


def test_the_environment_says_it_before_the_file(project, monkeypatch):
    project.configure(server=IMAGE, runtime="docker")
    monkeypatch.setenv("MODELGATE_RUNTIME", "process")
    project.gate().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("runtime", "said"),
    [
        ("proces", "*unknown runtime 'proces'"),
        ("docker", "*server 'toy' cannot run with runtime 'docker': it has no image or build"),
    ],
)
def test_a_runtime_that_cannot_be_is_the_tests_failure_in_a_sentence(project, runtime, said):
    result = project.gate(f"--modelgate-runtime={runtime}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"modelgate: {said}", "*expected: *", "*to do: *"])
    result.stdout.no_fnmatch_line("*plugin.py*")
    assert project.report()["verdict"] == "inconclusive"


@pytest.mark.container
def test_docker_runs_the_image(project, fault_image):
    project.configure(server={"image": fault_image})
    project.gate("--modelgate-runtime=docker").assert_outcomes(passed=1)
    conditions = project.the_gate()["conditions"]
    assert conditions["engine"] != "none: a plain process"
    assert conditions["accounting"].startswith("cgroup")
