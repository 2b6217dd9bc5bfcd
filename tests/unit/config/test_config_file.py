"""Finding and reading the configuration file."""

from pathlib import Path

import pytest

from pytest_modelgate.config.file import find_config, mentions, mentions_modelgate
from pytest_modelgate.errors import ConfigError

TABLE = "[tool.modelgate]\nruns = 3\n"


@pytest.fixture
def repository(tmp_path):
    (tmp_path / ".git").mkdir()
    return tmp_path


def test_modelgate_toml_has_the_keys_without_prefix(repository):
    (repository / "modelgate.toml").write_text("runs = 3\n")
    found = find_config(repository)
    assert found is not None
    assert found.table == {"runs": 3}
    assert found.path == repository / "modelgate.toml"
    assert found.where() == str(found.path)
    assert found.where("servers") == f"{found.path}: [servers]"


def test_pyproject_toml_has_them_under_tool_modelgate(repository):
    (repository / "pyproject.toml").write_text(TABLE)
    found = find_config(repository)
    assert found is not None
    assert found.table == {"runs": 3}
    assert found.where() == f"{repository / 'pyproject.toml'}: [tool.modelgate]"
    assert found.where("servers") == f"{repository / 'pyproject.toml'}: [tool.modelgate.servers]"


@pytest.mark.parametrize(
    "text", ["tool = { modelgate = { runs = 3 } }", '[ tool . "modelgate" ]\nruns=3']
)
def test_every_way_of_writing_the_table_is_found(repository, text):
    (repository / "pyproject.toml").write_text(text)
    found = find_config(repository)
    assert found is not None
    assert found.table == {"runs": 3}


@pytest.mark.parametrize("name", ["modelgate.toml", "pyproject.toml"])
def test_an_empty_table_is_a_configuration(repository, name):
    (repository / name).write_text("" if name == "modelgate.toml" else "[tool.modelgate]")
    found = find_config(repository)
    assert found is not None
    assert found.table == {}


def test_the_nearest_folder_wins(repository):
    inner = repository / "services" / "classifier"
    inner.mkdir(parents=True)
    (repository / "pyproject.toml").write_text(TABLE)
    (inner / "modelgate.toml").write_text("runs = 7\n")
    found = find_config(inner)
    assert found is not None
    assert found.table == {"runs": 7}
    above = find_config(inner.parent)
    assert above is not None
    assert above.table == {"runs": 3}


def test_a_pyproject_without_the_table_does_not_end_the_search(repository):
    inner = repository / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text('[project]\ndependencies = ["pytest-modelgate"]\n')
    (repository / "modelgate.toml").write_text("runs = 3\n")
    found = find_config(inner)
    assert found is not None
    assert found.path.parent == repository


@pytest.mark.parametrize("kind", ["folder", "file"])  # a work tree's .git is a file
def test_the_search_ends_at_the_repository_and_never_takes_anothers(tmp_path, kind):
    inner = tmp_path / "repository" / "package"
    inner.mkdir(parents=True)
    git = tmp_path / "repository" / ".git"
    git.mkdir() if kind == "folder" else git.write_text("gitdir: elsewhere")
    (tmp_path / "modelgate.toml").write_text("runs = 3\n")
    assert find_config(inner) is None
    assert not mentions(inner, "runs")
    (tmp_path / "repository" / "modelgate.toml").write_text("runs = 4\n")
    found = find_config(inner)
    assert found is not None
    assert found.table == {"runs": 4}


def test_outside_of_a_repository_the_search_ends_at_the_root():
    assert find_config(Path("/")) is None


def test_two_configurations_in_one_folder_are_refused_rather_than_one_ignored(repository):
    (repository / "pyproject.toml").write_text(TABLE)
    (repository / "modelgate.toml").write_text("")
    with pytest.raises(ConfigError, match="two configurations"):
        find_config(repository)


def test_modelgate_toml_may_stand_beside_a_pyproject_without_the_table(repository):
    (repository / "pyproject.toml").write_text('[project]\nname = "modelgate-demo"\n')
    (repository / "modelgate.toml").write_text("runs = 3\n")
    found = find_config(repository)
    assert found is not None
    assert found.path.name == "modelgate.toml"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("modelgate.toml", b"runs = \n"),
        ("modelgate.toml", b"runs = 1\nruns = 2\n"),
        ("modelgate.toml", b"model = '\xff'\n"),
        ("pyproject.toml", b"[tool.modelgate]\nruns =\n"),
    ],
)
def test_a_file_that_is_no_toml_is_refused_by_its_path(repository, name, content):
    (repository / name).write_bytes(content)
    with pytest.raises(ConfigError, match="is not valid TOML") as caught:
        find_config(repository)
    assert name in caught.value.what


def test_a_broken_pyproject_that_does_not_mention_the_plugin_is_not_its_business(repository):
    (repository / "pyproject.toml").write_text("[project\n")
    assert find_config(repository) is None


def test_tool_modelgate_must_be_a_table(repository):
    (repository / "pyproject.toml").write_text("[tool]\nmodelgate = 3\n")
    with pytest.raises(ConfigError, match=r"tool\.modelgate is not a table"):
        find_config(repository)


@pytest.mark.parametrize("text", ["tool = 'modelgate'", "[tool.other]\nmodelgate = 1"])
def test_a_pyproject_that_only_mentions_the_name_is_no_configuration(repository, text):
    (repository / "pyproject.toml").write_text(text)
    assert mentions_modelgate(repository / "pyproject.toml")
    assert find_config(repository) is None


def test_a_file_that_cannot_be_read_is_refused(repository, monkeypatch):
    path = repository / "modelgate.toml"
    path.write_text("")

    def deny(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", deny)
    with pytest.raises(ConfigError, match="cannot read") as caught:
        find_config(repository)
    assert caught.value.got == "Permission denied"


@pytest.mark.parametrize(
    ("name", "content", "answer"),
    [
        ("modelgate.toml", "enabled = true", True),
        ("modelgate.toml", "runs = 3", False),
        ("pyproject.toml", "[tool.modelgate]\nenabled = true", True),
        ("pyproject.toml", "[tool.modelgate]\nruns = 3", False),
        ("pyproject.toml", "[tool.other]\nenabled = true", False),
    ],
)
def test_whether_a_key_could_be_given_is_told_without_parsing(repository, name, content, answer):
    (repository / name).write_text(content)
    assert mentions(repository, "enabled") is answer


def test_nothing_is_parsed_where_nothing_mentions_the_plugin(repository, monkeypatch):
    (repository / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    monkeypatch.setattr("pytest_modelgate.config.file._parse", lambda _path: pytest.fail("parsed"))
    assert find_config(repository) is None
    assert not mentions(repository, "enabled")
