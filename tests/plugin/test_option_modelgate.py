"""``--modelgate`` and ``--no-modelgate``, and the other places where the gates are turned on."""

import pytest

CONFIGURATIONS = ["modelgate.toml", "pyproject.toml"]


def test_a_gated_test_is_skipped_without_it(project):
    result = project.run("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*a model gate: runs with --modelgate"])


def test_a_gated_test_is_measured_with_it(project):
    project.gate().assert_outcomes(passed=1)
    assert project.the_gate()["verdict"] == "pass"


@pytest.mark.parametrize("file", CONFIGURATIONS)
def test_the_file_turns_the_gates_on(project, file):
    (project.path / "modelgate.toml").unlink()
    project.configure(file, enabled=True)
    project.run().assert_outcomes(passed=1)


def test_the_environment_turns_the_gates_on(project, monkeypatch):
    monkeypatch.setenv("MODELGATE_ENABLED", "yes")
    project.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("file", CONFIGURATIONS)
def test_the_command_line_turns_them_off_wherever_they_were_turned_on(project, monkeypatch, file):
    (project.path / "modelgate.toml").unlink()
    project.configure(file, enabled=True)
    monkeypatch.setenv("MODELGATE_ENABLED", "1")
    project.run("--no-modelgate").assert_outcomes(skipped=1)


def test_the_environment_stands_before_the_file_also_to_turn_them_off(project, monkeypatch):
    project.configure(enabled=True)
    monkeypatch.setenv("MODELGATE_ENABLED", "0")
    project.run().assert_outcomes(skipped=1)


def test_the_command_line_stands_before_the_environment_also_to_turn_them_on(project, monkeypatch):
    monkeypatch.setenv("MODELGATE_ENABLED", "0")
    project.run("--modelgate").assert_outcomes(passed=1)


def test_the_last_on_the_command_line_counts(project):
    project.run("--modelgate", "--no-modelgate").assert_outcomes(skipped=1)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MODELGATE_ENABLED", "perhaps", "MODELGATE_ENABLED is not valid"),
        ("MODELGATE_ENABLE", "1", "did you mean MODELGATE_ENABLED?"),
    ],
)
def test_a_variable_that_cannot_be_understood_is_a_usage_error(
    project, monkeypatch, variable, value, message
):
    monkeypatch.setenv(variable, value)
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{message}*"])
    assert result.stderr.lines[0].startswith("ERROR: modelgate: ")
    result.stderr.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("enabled = 1", "*modelgate.toml enabled is not valid"),
        ("enable = true", "*modelgate.toml: unknown key 'enable'"),
        ("enabled = true\nenabled = true", "*modelgate.toml is not valid TOML"),
        ("enabled = true\n[servers.toy]", "*server 'toy': no protocol"),
    ],
)
def test_a_file_that_cannot_be_understood_is_a_usage_error_which_names_it(project, text, message):
    project.write("modelgate.toml", text)
    result = project.run("--update-baseline")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: modelgate: {message}"])


def test_two_configurations_in_one_folder_are_a_usage_error(project):
    project.configure("pyproject.toml")
    result = project.run("--modelgate")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*two configurations in *", "*to do:*"])


def test_the_options_are_in_the_help_with_their_values(project):
    result = project.run("--help")
    result.stdout.fnmatch_lines(
        [
            "*quality gates for served models:",
            "  --modelgate *",
            "  --no-modelgate *",
            "  --update-baseline *",
            "  --modelgate-json*PATH*",
            "  --modelgate-inconclusive*fail|warn*",
            "  --modelgate-runtime*NAME*",
            "  --modelgate-runs*N*",
            "  --modelgate-baselines*DIR*",
        ]
    )
