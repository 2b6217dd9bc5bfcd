"""The options, and their one rule of precedence."""

import argparse
from pathlib import Path

import pytest

from pytest_modelgate.config import options
from pytest_modelgate.config.file import ConfigFile
from pytest_modelgate.config.options import (
    BASELINES,
    BUDGET,
    ENABLED,
    INCONCLUSIVE,
    JSON,
    OPTIONS,
    RUNS,
    RUNTIME,
    SIDE_BY_SIDE,
    STRICT_IMPROVEMENTS,
    UPDATE_BASELINE,
    Sources,
    add_options,
    first_given,
    maybe_enabled,
    reject_misspelt,
    resolve,
)
from pytest_modelgate.config.specs import Settings
from pytest_modelgate.errors import ConfigError

CWD = Path("/work/here")


def sources(cli=None, env=None, file=None):
    table = None if file is None else ConfigFile(Path("/project/modelgate.toml"), file)
    return Sources(cli or {}, env or {}, table, CWD)


@pytest.mark.parametrize("option", [ENABLED, UPDATE_BASELINE], ids=lambda o: o.name)
@pytest.mark.parametrize("value", [True, False])
def test_the_command_line_stands_first_also_when_it_says_false(option, value):
    other = str(not value).lower()
    given = sources({option.dest: value}, {option.variable: other}, {option.name: not value})
    assert resolve(option, given) is value


@pytest.mark.parametrize("value", [True, False])
def test_the_environment_stands_before_the_file_also_when_it_says_false(value):
    given = sources({}, {"MODELGATE_ENABLED": str(int(value))}, {"enabled": not value})
    assert resolve(ENABLED, given) is value


@pytest.mark.parametrize("value", [True, False])
def test_the_file_stands_before_the_default_also_when_it_says_false(value):
    assert resolve(UPDATE_BASELINE, sources(file={"update_baseline": value})) is value


@pytest.mark.parametrize("option", OPTIONS, ids=lambda o: o.name)
def test_zero_and_false_and_empty_text_are_given_on_the_command_line(option):
    for value in (0, False, ""):
        given = first_given(option, sources({option.dest: value}, {option.variable: "x"}))
        assert given is not None
        assert given.value is value


@pytest.mark.parametrize("option", OPTIONS, ids=lambda o: o.name)
def test_none_on_the_command_line_and_an_empty_variable_are_not_given(option):
    assert first_given(option, sources({option.dest: None}, {option.variable: ""}, {})) is None
    assert resolve(option, sources()) == option.default


def test_zero_from_the_file_is_not_passed_over_for_the_default():
    with pytest.raises(ConfigError, match="runs is not valid"):
        resolve(RUNS, sources(file={"runs": 0}))


@pytest.mark.parametrize("option", OPTIONS, ids=lambda o: o.name)
def test_the_defaults_are_those_of_the_settings(option):
    field = {"budget": "budget_s"}.get(option.name, option.name)
    assert getattr(Settings(root=Path("/")), field) == option.default


@pytest.mark.parametrize(
    ("text", "value"),
    [(t, True) for t in ("1", "true", "yes", "on", "TRUE", " On ")]
    + [(t, False) for t in ("0", "false", "no", "off", "No")],
)
def test_a_variable_is_true_or_false_in_the_usual_words(text, value):
    assert resolve(ENABLED, sources(env={"MODELGATE_ENABLED": text})) is value


@pytest.mark.parametrize("text", ["2", "maybe", "-"])
def test_other_words_are_refused_with_those_that_are_valid(text):
    with pytest.raises(ConfigError, match="MODELGATE_ENABLED is not valid") as caught:
        resolve(ENABLED, sources(env={"MODELGATE_ENABLED": text}))
    assert "true" in (caught.value.expected or "")
    assert repr(text) in (caught.value.got or "")


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [
        (ENABLED, "true", "string"),
        (ENABLED, 1, "integer"),
        (UPDATE_BASELINE, 0, "integer"),
        (RUNS, "5", "string"),
        (RUNS, True, "boolean"),
        (RUNS, 5.0, "float"),
        (RUNS, 0, "integer"),
        (RUNS, -1, "integer"),
        (RUNTIME, 3, "integer"),
        (RUNTIME, "", "string"),
        (INCONCLUSIVE, "ignore", "string"),
        (INCONCLUSIVE, False, "boolean"),
        (INCONCLUSIVE, ["fail"], "array"),
        (JSON, 3, "integer"),
        (JSON, "", "string"),
        (BASELINES, {}, "table"),
        (SIDE_BY_SIDE, "sometimes", "string"),
        (SIDE_BY_SIDE, "Always", "string"),
        (SIDE_BY_SIDE, False, "boolean"),
        (BUDGET, 60, "integer"),
        (BUDGET, "60", "string"),
        (BUDGET, "", "string"),
        (BUDGET, "-1 s", "string"),
        (BUDGET, "1 GiB", "string"),
        (STRICT_IMPROVEMENTS, "true", "string"),
        (STRICT_IMPROVEMENTS, 1, "integer"),
    ],
)
def test_a_value_of_the_wrong_type_in_the_file_is_refused_by_file_and_key(option, value, kind):
    with pytest.raises(ConfigError) as caught:
        resolve(option, sources(file={option.name: value}))
    assert caught.value.what == f"/project/modelgate.toml {option.name} is not valid"
    assert caught.value.expected
    assert kind in (caught.value.got or "")


@pytest.mark.parametrize("text", ["1", "5", " 12 "])
def test_runs_is_a_whole_number_of_at_least_one(text):
    assert resolve(RUNS, sources({RUNS.dest: text})) == int(text)
    assert resolve(RUNS, sources(env={RUNS.variable: text})) == int(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.0", "five", "1e3"])
def test_runs_below_one_or_no_number_is_refused_by_its_flag(text):
    with pytest.raises(ConfigError, match="--modelgate-runs is not valid"):
        resolve(RUNS, sources({RUNS.dest: text}))


@pytest.mark.parametrize("value", ["fail", "warn"])
def test_inconclusive_is_fail_or_warn(value):
    assert resolve(INCONCLUSIVE, sources(env={INCONCLUSIVE.variable: value})) == value


@pytest.mark.parametrize("value", ["auto", "always", "never"])
def test_side_by_side_is_auto_always_or_never(value):
    assert resolve(SIDE_BY_SIDE, sources({SIDE_BY_SIDE.dest: value})) == value
    assert resolve(SIDE_BY_SIDE, sources(env={SIDE_BY_SIDE.variable: value})) == value
    assert resolve(SIDE_BY_SIDE, sources(file={"side_by_side": value})) == value


@pytest.mark.parametrize(
    ("text", "budget_s"), [("60 s", 60), ("1.5 min", 90), ("500ms", 0.5), ("0 s", 0)]
)
def test_the_budget_is_a_duration(text, budget_s):
    assert resolve(BUDGET, sources({BUDGET.dest: text})) == pytest.approx(budget_s)
    assert resolve(BUDGET, sources(env={BUDGET.variable: text})) == pytest.approx(budget_s)
    assert resolve(BUDGET, sources(file={"budget": text})) == pytest.approx(budget_s)


@pytest.mark.parametrize(("text", "value"), [("1", True), ("off", False)])
def test_strict_improvements_is_true_or_false(text, value):
    given = sources(
        env={STRICT_IMPROVEMENTS.variable: text}, file={"strict_improvements": not value}
    )
    assert resolve(STRICT_IMPROVEMENTS, given) is value
    assert resolve(STRICT_IMPROVEMENTS, sources(file={"strict_improvements": value})) is value


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        (SIDE_BY_SIDE, "sometimes", '"auto", "always" or "never"'),
        (BUDGET, "60", 'a duration, as "60 s"'),
        (BUDGET, "a while", 'a duration, as "60 s"'),
    ],
)
def test_a_bad_value_is_refused_by_its_flag_or_its_variable(option, text, expected):
    for given, origin in (
        (sources({option.dest: text}), option.flag),
        (sources(env={option.variable: text}), option.variable),
    ):
        with pytest.raises(ConfigError) as caught:
            resolve(option, given)
        assert caught.value.what == f"{origin} is not valid"
        assert caught.value.expected == expected
        assert repr(text) in (caught.value.got or "")


def test_a_bad_word_for_strict_improvements_is_refused_by_its_variable():
    with pytest.raises(ConfigError, match="MODELGATE_STRICT_IMPROVEMENTS is not valid"):
        resolve(STRICT_IMPROVEMENTS, sources(env={STRICT_IMPROVEMENTS.variable: "perhaps"}))


@pytest.mark.parametrize("option", [JSON, BASELINES], ids=lambda o: o.name)
def test_a_relative_path_refers_to_where_it_was_given(option):
    assert resolve(option, sources({option.dest: "x/y"})) == CWD / "x/y"
    assert resolve(option, sources(env={option.variable: "x/y"})) == CWD / "x/y"
    assert resolve(option, sources(file={option.name: "x/y"})) == Path("/project/x/y")
    assert resolve(option, sources(file={option.name: "/abs"})) == Path("/abs")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MODELGATE_ENABLE", "MODELGATE_ENABLED"),
        ("MODELGATE_UPDATE_BASELINES", "MODELGATE_UPDATE_BASELINE"),
        ("MODELGATE_RUN", "MODELGATE_RUNS"),
        ("MODELGATE_BASELINE", "MODELGATE_BASELINES"),
    ],
)
def test_a_misspelt_variable_is_refused_rather_than_ignored(name, meant):
    with pytest.raises(ConfigError, match=f"unknown environment variable {name}") as caught:
        reject_misspelt({name: "1"})
    assert caught.value.hint == f"did you mean {meant}?"


def test_other_variables_are_left_alone():
    known = {option.variable: "1" for option in OPTIONS}
    reject_misspelt({**known, "MODELGATE_DEMO": "1", "MODELGATE_RUNNER": "x", "ENABLE": "1"})


class Group:
    """What pytest's option group does with argparse."""

    def __init__(self):
        self.parser = argparse.ArgumentParser(allow_abbrev=False)

    def addoption(self, *opts, **attrs):
        self.parser.add_argument(*opts, **attrs)


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], {}),
        (["--modelgate"], {"modelgate_enabled": True}),
        (["--no-modelgate"], {"modelgate_enabled": False}),
        (["--modelgate", "--no-modelgate"], {"modelgate_enabled": False}),
        (["--update-baseline"], {"modelgate_update_baseline": True}),
        (["--modelgate-json", "r.json"], {"modelgate_json": "r.json"}),
        (["--modelgate-inconclusive=warn"], {"modelgate_inconclusive": "warn"}),
        (["--modelgate-runtime", "process"], {"modelgate_runtime": "process"}),
        (["--modelgate-runs", "0"], {"modelgate_runs": "0"}),
        (["--modelgate-baselines", "b"], {"modelgate_baselines": "b"}),
        (["--modelgate-side-by-side", "never"], {"modelgate_side_by_side": "never"}),
        (["--modelgate-budget", "2 min"], {"modelgate_budget": "2 min"}),
        (["--modelgate-strict-improvements"], {"modelgate_strict_improvements": True}),
    ],
)
def test_every_option_has_its_flag_and_is_none_where_it_was_not_given(arguments, given):
    group = Group()
    add_options(group)
    parsed = vars(group.parser.parse_args(arguments))
    assert {key: value for key, value in parsed.items() if value is not None} == given
    assert parsed.keys() == {option.dest for option in OPTIONS}


@pytest.mark.parametrize(
    ("cli", "env", "file", "answer"),
    [
        ({}, {}, None, False),
        ({}, {}, "runs = 3", False),
        ({}, {}, "enabled = true", True),
        ({}, {}, "update_baseline = true", True),
        ({"modelgate_enabled": True}, {}, None, True),
        ({"modelgate_update_baseline": True}, {}, None, True),
        ({"modelgate_enabled": False}, {"MODELGATE_ENABLED": "1"}, "enabled = true", False),
        ({}, {"MODELGATE_ENABLED": "1"}, None, True),
        ({}, {"MODELGATE_ENABLE": "1"}, None, True),  # misspelt: to be told so
        ({"runs": 3, "json": "x"}, {"OTHER": "1"}, None, False),
    ],
)
def test_a_plain_run_learns_cheaply_that_the_gates_cannot_be_on(tmp_path, cli, env, file, answer):
    (tmp_path / ".git").mkdir()
    if file is not None:
        (tmp_path / "modelgate.toml").write_text(file)
    assert maybe_enabled(cli, env, tmp_path) is answer


def test_every_option_of_the_module_stands_in_the_table():
    declared = [value for value in vars(options).values() if isinstance(value, options.Option)]
    assert sorted(o.name for o in declared) == sorted(o.name for o in OPTIONS)
