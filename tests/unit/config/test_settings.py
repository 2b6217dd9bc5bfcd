"""The session's settings, put together from everywhere."""

import tomllib

import pytest

from pytest_modelgate.config.settings import load_settings, read_thresholds
from pytest_modelgate.config.specs import Settings
from pytest_modelgate.config.table import Table
from pytest_modelgate.errors import ConfigError


@pytest.fixture
def project(tmp_path):
    (tmp_path / ".git").mkdir()
    return tmp_path


def load(project, text=None, cli=None, env=None, cwd=None):
    if text is not None:
        (project / "modelgate.toml").write_text(text)
    return load_settings(cli or {}, env or {}, project, cwd or project)


def thresholds(text):
    return read_thresholds(Table(tomllib.loads(text), "modelgate.toml"))


def test_without_a_file_there_are_the_defaults_and_no_servers(project):
    assert load(project) == Settings(root=project, baselines=project / "baselines")


def test_the_file_of_a_folder_above_is_the_root_of_its_paths(project):
    inner = project / "tests" / "unit"
    inner.mkdir(parents=True)
    (project / "pyproject.toml").write_text(
        """
        [tool.modelgate]
        baselines = "quality/baselines"
        json = "report.json"
        [tool.modelgate.servers.classifier]
        protocol = "json"
        build = "server"
        [tool.modelgate.thresholds]
        latency.p50 = "+5 %"
        """
    )
    settings = load_settings({}, {}, inner, inner)
    assert settings.root == project
    assert settings.baselines == project / "quality" / "baselines"
    assert settings.json == project / "report.json"
    assert settings.servers["classifier"].build == project / "server"
    assert settings.thresholds == {"latency.p50": "+5 %"}


def test_every_option_comes_from_the_highest_place_that_gives_it(project):
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    settings = load(
        project,
        """
        enabled = true
        runs = 3
        inconclusive = "warn"
        runtime = "docker"
        update_baseline = true
        """,
        cli={"modelgate_enabled": False, "modelgate_json": "r.json", "maxfail": 3},
        env={"MODELGATE_RUNS": "4", "MODELGATE_BASELINES": "b", "MODELGATE_ENABLED": "1"},
        cwd=elsewhere,
    )
    assert settings == Settings(
        root=project,
        enabled=False,
        update_baseline=True,
        json=elsewhere / "r.json",
        inconclusive="warn",
        runtime="docker",
        runs=4,
        baselines=elsewhere / "b",
    )


def test_how_to_compare_side_by_side_comes_from_the_same_places(project):
    settings = load(
        project,
        """
        side_by_side = "never"
        budget = "2 min"
        strict_improvements = true
        """,
        cli={"modelgate_side_by_side": "always"},
        env={"MODELGATE_BUDGET": "90 s", "MODELGATE_SIDE_BY_SIDE": "auto"},
    )
    assert settings == Settings(
        root=project,
        baselines=project / "baselines",
        side_by_side="always",
        budget_s=90,
        strict_improvements=True,
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [("side_by_side", '"maybe"'), ("budget", "60"), ("strict_improvements", '"yes"')],
)
def test_a_bad_value_of_the_file_is_named_with_the_file_and_its_key(project, key, value):
    with pytest.raises(ConfigError) as caught:
        load(project, f"{key} = {value}")
    assert caught.value.what == f"{project / 'modelgate.toml'} {key} is not valid"


def test_a_bad_value_is_named_with_the_place_that_gave_it(project):
    text = 'side_by_side = "never"\nbudget = "60 s"'
    for place, given in (
        ("--modelgate-budget", {"cli": {"modelgate_budget": "soon"}}),
        ("MODELGATE_SIDE_BY_SIDE", {"env": {"MODELGATE_SIDE_BY_SIDE": "soon"}}),
    ):
        with pytest.raises(ConfigError, match=f"^{place} is not valid"):
            load(project, text, **given)


@pytest.mark.parametrize(
    ("key", "near"),
    [("server", "servers"), ("threshold", "thresholds"), ("run", "runs"), ("zz", None)],
)
def test_an_unknown_key_is_refused_with_the_nearest_valid_one(project, key, near):
    with pytest.raises(ConfigError, match=f"unknown key '{key}'") as caught:
        load(project, f"{key} = 1")
    assert str(project / "modelgate.toml") in caught.value.what
    assert caught.value.hint == (near and f"did you mean {near!r}?")


def test_the_message_names_the_table_in_pyproject_toml(project):
    (project / "pyproject.toml").write_text("[tool.modelgate]\nrun = 1\n")
    with pytest.raises(
        ConfigError, match=r"pyproject\.toml: \[tool\.modelgate\]: unknown key 'run'"
    ):
        load(project)


def test_a_misspelt_variable_is_refused(project):
    with pytest.raises(ConfigError, match="variable MODELGATE_ENABLE"):
        load(project, env={"MODELGATE_ENABLE": "1"})


@pytest.mark.parametrize("text", ['runs = "3"', "[servers.x]\nimage = 1", "thresholds = 3"])
def test_a_bad_file_is_refused_also_where_the_gates_are_off(project, text):
    with pytest.raises(ConfigError):
        load(project, text)


def test_thresholds_are_flattened_to_the_names_of_metrics():
    assert thresholds(
        """
        [thresholds]
        latency.p50 = "+5 %"
        latency."p99.9" = "< 1 s"
        memory = { peak = "+10 %" }
        errors.rate = "< 0.1 %"
        throughput = "-5 %"
        "startup.ready" = "< 5 s"
        """
    ) == {
        "latency.p50": "+5 %",
        "latency.p99.9": "< 1 s",
        "memory.peak": "+10 %",
        "errors.rate": "< 0.1 %",
        "throughput": "-5 %",
        "startup.ready": "< 5 s",
    }


def test_a_dotted_percentile_needs_no_quotes():
    assert thresholds('[thresholds]\nlatency.p99.9 = "< 1 s"') == {"latency.p99.9": "< 1 s"}


@pytest.mark.parametrize(
    "text",
    [
        'latency.p50 = "+5 %"\n"latency.p50" = "+6 %"',
        'latency.p50 = "+5 %"\nlatency."p50.0" = "+6 %"',
    ],
)
def test_a_metric_that_is_named_twice_is_refused(text):
    with pytest.raises(ConfigError, match=r"latency\.p50 is given twice"):
        thresholds("[thresholds]\n" + text)


@pytest.mark.parametrize("value", ["5", "0.05", "true", '["+5 %"]', "1979-05-27"])
def test_a_threshold_that_is_not_text_is_refused_by_its_name(value):
    with pytest.raises(ConfigError, match=r"thresholds: latency\.p50 is not valid"):
        thresholds(f"[thresholds]\nlatency.p50 = {value}")
