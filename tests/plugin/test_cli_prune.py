"""``pytest-modelgate prune``: never under -k or a partial collection."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from gate_project import KEPT, gated

from pytest_modelgate.baselines.store import BaselineStore
from pytest_modelgate.cli.main import main

TESTS = [gated(KEPT, name="test_kept"), gated(KEPT, name="test_gone")]
KEPT_TEST = TESTS[0]


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


class PrunedProject:
    """A project with recorded baselines, and the command run in it."""

    def __init__(self, project, capsys):
        self.project = project
        self._capsys = capsys

    def prune(self, *args):
        self._capsys.readouterr()
        code = main(["prune", *args])
        printed = self._capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    def recorded(self):
        """Return the readable parts of the baselines' folders."""
        found = self.project.path.glob("baselines/*/*/baseline.json")
        return sorted(path.parent.name.rpartition("-")[0] for path in found)

    def write(self, *tests, file="test_toy.py"):
        self.project.write_tests(*tests, file=file)


@pytest.fixture
def recorded(project, capsys, monkeypatch):
    """Baselines of ``test_kept`` and ``test_gone``; the one no longer exists."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    project.write_tests(*TESTS)
    project.record()
    # Other plugins take long to import, and what they do is theirs.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_modelgate.plugin")
    project.write_tests(KEPT_TEST)
    return PrunedProject(project, capsys)


BOTH = ["test_toy-py-test_gone", "test_toy-py-test_kept"]
ONE = ["test_toy-py-test_kept"]


def test_what_would_go_is_printed_and_stays_until_it_is_told_to_go(recorded):
    ended = recorded.prune()
    assert (ended.code, ended.err) == (0, "")
    assert "would remove toy/test_toy.py::test_gone: its test does not exist" in ended.out
    assert "prune --yes" in ended.out
    assert recorded.recorded() == BOTH
    ended = recorded.prune("--yes")
    assert "removed toy/test_toy.py::test_gone: its test does not exist" in ended.out
    assert recorded.recorded() == ONE
    assert recorded.prune("--yes").out.startswith("nothing to prune in ")


def test_nothing_is_measured_and_an_earlier_report_stays(recorded):
    recorded.project.configure(server={"command": ["/does/not/exist"]}, json="report.json")
    recorded.project.write("report.json", "of an earlier session")
    assert recorded.prune("--yes").code == 0
    assert (recorded.project.path / "report.json").read_text() == "of an earlier session"


def test_a_file_that_is_gone_takes_its_baselines_along(recorded):
    (recorded.project.path / "test_toy.py").unlink()
    recorded.write(KEPT_TEST, file="test_other.py")
    ended = recorded.prune("--yes")
    assert ended.out.count("its test's file does not exist") == 2
    assert recorded.recorded() == []


def test_a_server_that_is_not_configured_takes_its_baselines_along(recorded):
    (recorded.project.path / "baselines/toy").rename(recorded.project.path / "baselines/old")
    for path in recorded.project.path.glob("baselines/old/*/baseline.json"):
        path.write_text(path.read_text().replace('"server": "toy"', '"server": "old"'))
    ended = recorded.prune("--yes")
    assert ended.out.count("its server is not configured") == 2
    assert not (recorded.project.path / "baselines/old").exists()


def test_a_test_that_moved_to_another_server_leaves_its_baseline_behind(recorded):
    config = recorded.project.path / "modelgate.toml"
    text = config.read_text()
    config.write_text(text + text[text.index("[servers.toy]") : text.index("[thresholds]")]
                      .replace("servers.toy", "servers.other"))  # fmt: skip
    recorded.write(KEPT_TEST.replace('"toy"', '"other"'))
    ended = recorded.prune()
    assert "would remove toy/test_toy.py::test_kept: its test is gated on other" in ended.out


def test_a_test_that_is_no_longer_gated_leaves_its_baseline_behind(recorded):
    recorded.write(KEPT_TEST, "def test_gone():\n    pass")
    assert "test_gone: its test does not exist" in recorded.prune().out


NARROWED = [
    "-k test_kept",
    "-k test",
    "-m 'not slow'",
    "--deselect test_toy.py::test_slow",
    "--lf",
    "test_toy.py",
    "test_toy.py::test_kept",
    "--ignore=test_toy.py",
    "--ignore-glob=*toy*",
]
SLOW_TEST = f"@pytest.mark.slow\n{gated(KEPT, name='test_slow')}"


@pytest.mark.parametrize("place", ["environment", "ini"])
@pytest.mark.parametrize("options", NARROWED)
def test_a_partial_collection_prunes_nothing(recorded, options, place, monkeypatch):
    addopts = options
    ini = "[pytest]\nmarkers = slow: takes long\n"
    if place == "environment":
        monkeypatch.setenv("PYTEST_ADDOPTS", addopts)
    else:
        ini += f"addopts = {addopts}\n"
    recorded.project.write("tox.ini", ini)
    recorded.write(KEPT_TEST, SLOW_TEST)
    recorded.write("def test_plain():\n    pass", file="test_other.py")
    ended = recorded.prune("--yes")
    assert (ended.code, ended.out) == (2, "")
    assert "nothing is pruned after a partial collection" in ended.err
    assert recorded.recorded() == BOTH


@pytest.mark.parametrize("options", ["-m modelgate", "--strict-markers -x", "--deselect nothing"])
def test_options_that_leave_no_gate_out_do_not_matter(recorded, options, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", options)
    recorded.write(KEPT_TEST, "def test_plain():\n    pass")
    assert recorded.prune("--yes").code == 0
    assert recorded.recorded() == ONE


def test_arguments_are_refused(recorded):
    with pytest.raises(SystemExit, match="2"):
        recorded.prune("-k", "test_kept")
    with pytest.raises(SystemExit, match="2"):
        recorded.prune("test_toy.py")
    assert recorded.recorded() == BOTH


def test_a_conftest_that_drops_tests_prunes_nothing(recorded):
    recorded.write(KEPT_TEST, SLOW_TEST.partition("\n")[2])
    recorded.project.write(
        "conftest.py", "def pytest_collection_modifyitems(items):\n    del items[1:]\n"
    )
    ended = recorded.prune("--yes")
    assert "gates were left out" in ended.err
    assert "test_toy.py::test_slow" in ended.err
    assert recorded.recorded() == BOTH


def test_testpaths_without_a_recorded_file_prune_nothing(recorded):
    recorded.project.write("tox.ini", "[pytest]\ntestpaths = sub\n")
    recorded.write("def test_plain():\n    pass", file="sub/test_other.py")
    ended = recorded.prune("--yes")
    assert "that pytest did not collect whole" in ended.err
    assert recorded.recorded() == BOTH


@pytest.mark.parametrize(
    "line",
    ["pytest.skip('no GPU', allow_module_level=True)", "pytest.importorskip('no_such_module')"],
)
def test_a_file_that_skips_itself_prunes_nothing_of_its_own(recorded, line):
    recorded.write(line, KEPT_TEST)
    recorded.write("def test_plain():\n    pass", file="test_other.py")
    ended = recorded.prune("--yes")
    assert ended.code == 2
    assert "whether a file skips itself" in ended.err
    assert recorded.recorded() == BOTH


def test_a_file_without_baselines_may_skip_itself(recorded):
    recorded.write("pytest.importorskip('no_such_module')", file="test_other.py")
    assert recorded.prune("--yes").code == 0
    assert recorded.recorded() == ONE


def test_a_file_that_cannot_be_imported_prunes_nothing_and_is_shown(recorded):
    recorded.write("import no_such_module", file="test_other.py")
    ended = recorded.prune("--yes")
    assert (ended.code, ended.out) == (2, "")
    assert "pytest could not collect the tests, exit code 2" in ended.err
    assert "no_such_module" in ended.err
    assert recorded.recorded() == BOTH


def test_where_nothing_is_collected_nothing_is_pruned(recorded):
    (recorded.project.path / "test_toy.py").unlink()
    ended = recorded.prune("--yes")
    assert (ended.code, ended.out) == (2, "")
    assert "pytest collected no test" in ended.err
    assert recorded.recorded() == BOTH


def test_wrong_markers_prune_nothing(recorded):
    recorded.write(KEPT_TEST.replace('"toy"', '"unknown"'))
    ended = recorded.prune("--yes")
    assert "the markers of a test are wrong" in ended.err
    assert "no server 'unknown' is configured" in ended.err
    assert recorded.recorded() == BOTH


def test_a_project_that_turns_the_plugin_off_prunes_nothing(recorded, monkeypatch):
    monkeypatch.setenv("PYTEST_PLUGINS", "")
    ended = recorded.prune("--yes")
    assert ended.code == 2
    assert recorded.recorded() == BOTH


def test_tests_with_a_configuration_of_their_own_are_not_this_ones(recorded):
    recorded.project.write("tox.ini", "[pytest]\ntestpaths = sub\n")
    recorded.project.configure("sub/modelgate.toml")
    recorded.write(KEPT_TEST, file="sub/test_toy.py")
    ended = recorded.prune("--yes")
    assert ended.code == 2
    assert "the tests are not those of the configuration in" in ended.err
    assert recorded.recorded() == BOTH


def test_a_damaged_baseline_stays_and_is_named(recorded):
    (path,) = recorded.project.path.glob("baselines/toy/*gone*/baseline.json")
    path.write_text("{")
    ended = recorded.prune("--yes")
    assert ended.code == 2
    assert f"left toy/{path.parent.name}: it is damaged" in ended.out
    assert recorded.recorded() == BOTH


def test_what_a_symbolic_link_leads_to_is_not_removed(recorded, tmp_path_factory):
    (folder,) = recorded.project.path.glob("baselines/toy/*gone*")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "x"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    ended = recorded.prune("--yes")
    assert ended.code == 2
    assert "it is reached by a symbolic link" in ended.err
    assert (elsewhere / "baseline.json").exists()


def test_without_baselines_nothing_is_collected(recorded):
    recorded.write("import no_such_module")
    ended = recorded.prune("--baselines", "none")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("nothing to prune in ")


def test_without_the_plugins_own_notes_nothing_is_pruned(recorded, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:modelgate-collector")
    ended = recorded.prune("--yes")
    assert ended.code == 2
    assert "pytest did not load pytest-modelgate" in ended.err
    assert recorded.recorded() == BOTH


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_test_whose_file_cannot_be_looked_for_prunes_nothing(recorded, name):
    store = BaselineStore(recorded.project.path / "baselines")
    baseline = store.load("toy", "test_toy.py::test_gone")
    store.save(replace(baseline, test=f"{name}::test"))
    ended = recorded.prune("--yes")
    assert (ended.code, ended.out) == (2, "")
    assert "that pytest did not collect whole" in ended.err
