"""``pytest-modelgate show``, and the ways to name a baseline."""

import subprocess

import numpy as np
import pytest
from baseline_samples import SERVER, TEST, sample_run

from pytest_modelgate.cli import output


def test_it_shows_all_that_a_baseline_holds(repository):
    repository.save()
    ended = repository.run("show", TEST)
    assert ended.code == 0
    for part in (
        f"{SERVER}/{TEST}",
        "recorded at 2025-03-01T12:00:00+00:00, 5 runs",
        "8.02 ms 8 ms 8.03 ms 0.399 % 8 ms, 8.01 ms, 8.02 ms, 8.02 ms, 8.03 ms",
        "20 requests, 0 failed",
        "image.size",
        "51.5 MiB",
        "recall",
        "0.93",
        "cpu_model",
        "git_commit",
        "input bytes INT32 [-1, 2048]",
        "0 label FP32 [2, 3]",
    ):
        assert part in " ".join(ended.out.split())


def test_a_value_that_one_run_lacks_is_shown_as_lacking(repository):
    with_growth = sample_run()
    values = {**with_growth.values, "memory.growth": 0.0, "errors.rate": 0.5}
    repository.save(
        runs=(type(with_growth)(values, 4, 0, with_growth.latencies), sample_run()),
        contract=None,
        answers={},
        exact={},
        fingerprint={},
        provenance={},
    )
    out = repository.run("show", TEST).out
    assert "0 B/request, –" in out
    assert "50 %, –" in out
    assert "contract" not in out


def test_a_baseline_of_recorded_numbers_alone_has_no_metrics(repository):
    repository.save(runs=(), answers={"0": {"text": np.array([b"x"], dtype=object)}})
    out = repository.run("show", TEST).out
    assert "median" not in out
    assert "BYTES" in out


def test_an_earlier_revision_is_shown_as_it_was(repository):
    repository.save(0.010)
    first = repository.commit()
    repository.save(0.020)
    assert "20 ms" in repository.run("show", TEST).out
    assert "10 ms" in repository.run("show", TEST, first[:8]).out
    assert "10 ms" in repository.run("show", TEST, "main").out


def test_the_history_names_the_commits_that_recorded_another_version(repository):
    repository.save(0.010)
    repository.commit("Record it")
    (repository.path / "file").write_text("")
    repository.commit("Something else")
    repository.save(0.020)
    repository.commit("Record \x1b it slower")
    ended = repository.run("show", "--history", TEST)
    assert ended.code == 0
    title, heading, *rows = ended.out.splitlines()
    assert title == f"{SERVER}/{TEST}"
    assert heading.split() == ["commit", "committed", "at", "subject"]
    assert ["slower" in row for row in rows] == [True, False]
    assert "\\x1b" in rows[0]


def test_the_history_of_a_shallow_clone_says_that_it_is_one(repository, tmp_path, monkeypatch):
    repository.save(0.010)
    first = repository.commit()
    repository.save(0.020)
    repository.commit()
    clone = tmp_path / "clone"
    command = ["git", "clone", "-q", "--depth=1", repository.path.as_uri(), clone]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.chdir(clone)
    assert "git fetch --unshallow" in repository.run("show", TEST, "--history").out
    ended = repository.run("show", TEST, first)
    assert ended.code == 2
    assert "git fetch --unshallow" in ended.err


def test_a_baseline_that_no_commit_has_has_no_history(repository):
    repository.save()
    assert "no commit has recorded it" in repository.run("show", TEST, "--history").out
    repository.commit()
    repository.save(test="new")
    assert "no commit has recorded it" in repository.run("show", "new", "--history").out
    ended = repository.run("show", "new", "HEAD")
    assert ended.code == 2
    assert "HEAD has no baseline" in ended.err


@pytest.mark.parametrize("revision", ["nonsense", "--all", "", "HEAD:baselines", "-h", "a\nb"])
def test_a_revision_that_is_no_commit_is_refused(repository, revision):
    repository.save()
    repository.commit()
    ended = repository.run("show", TEST, "--", revision)
    assert (ended.code, ended.out) == (2, "")
    assert "names no commit" in ended.err


def test_a_damaged_one_is_an_error_with_its_reason(repository):
    folder = repository.save()
    repository.commit()
    (folder / "baseline.json").write_text("{")
    # its test's id can be read from git only
    ended = repository.run("show", folder.name)
    assert ended.code == 2
    assert "it is not valid JSON" in ended.err
    assert repository.run("show", TEST, "HEAD").code == 0


def test_a_terminal_gets_colours_and_its_own_width(repository, monkeypatch):
    repository.save()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert "\x1b[" in repository.run("list").out


def test_lines_for_a_file_are_not_cut():
    assert output.one_line("x" * 500) == "x" * 500


# --- naming a baseline -----------------------------------------------------------------------


@pytest.fixture
def named(repository):
    """Three baselines, of which one's name is part of another's."""
    for test in (TEST, "tests/test_models.py::test_other", "tests/test_models.py::test_other_2"):
        repository.save(test=test)
    return repository


@pytest.mark.parametrize(
    ("argument", "test"),
    [
        (TEST, TEST),
        (f"{SERVER}/{TEST}", TEST),
        ("[a-b]", TEST),
        ("test_other_2", "tests/test_models.py::test_other_2"),
        ("tests/test_models.py::test_other", "tests/test_models.py::test_other"),
    ],
)
def test_a_baseline_is_named_by_its_test_or_a_part_that_no_other_has(named, argument, test):
    assert named.run("show", argument).out.startswith(f"{SERVER}/{test}\n")


def test_a_baseline_is_named_by_its_folder_in_every_way(named):
    path = named.store.path_for(SERVER, TEST)
    relative = path.relative_to(named.path)
    ways = (
        path.name,
        f"{SERVER}/{path.name}",
        path,
        relative,
        f"./{relative}/",
        f"x/../{relative}",
    )
    for way in ways:
        assert named.run("show", str(way)).out.startswith(f"{SERVER}/{TEST}\n"), way


@pytest.mark.parametrize("argument", ["test_other", "models.py", SERVER])
def test_an_ambiguous_name_is_refused_with_the_candidates(named, argument):
    ended = named.run("show", argument)
    assert ended.code == 2
    assert f"{SERVER}/tests/test_models.py::test_other_2" in ended.err


def test_of_many_candidates_ten_are_named(repository):
    for number in range(11):
        repository.save(test=f"test_{number}")
    assert "and 1 more" in repository.run("show", "test_").err


def test_a_test_on_two_servers_needs_its_server(repository):
    repository.save()
    repository.save(server="other")
    assert f"other/{TEST}" in repository.run("show", TEST).err
    assert repository.run("show", f"other/{TEST}").code == 0


@pytest.mark.parametrize(
    "argument", ["test_clasifier", "", "..", "../..", "/", "x\0y", "a\nb", "x" * 5000, "baselines"]
)
def test_a_name_that_is_none_is_refused(named, argument):
    ended = named.run("show", argument)
    assert (ended.code, ended.out) == (2, "")
    assert "\n\n" not in ended.err


def test_an_unknown_name_is_refused_with_the_nearest(named):
    ended = named.run("show", TEST.replace("classifier", "clasifier"))
    assert f"did you mean {TEST!r}?" in ended.err
    assert "one of the 3 in" in ended.err
