"""``pytest-modelgate rollback``."""

import shutil

import numpy as np
import pytest
from baseline_samples import SERVER, TEST


@pytest.fixture
def versions(repository):
    """Three committed versions of one baseline, with answers of their own, and their commits."""
    commits = []
    for number in range(3):
        repository.save(0.010 * (number + 1), answers={"0": {"x": make(number)}})
        commits.append(repository.commit(f"Record {number}"))
    return repository, commits


def make(number):
    return np.full(3, number, dtype=np.float32)


def version(repository):
    """Which of the versions lies in the working tree, whole."""
    baseline = repository.store.load(SERVER, TEST)
    number = int(baseline.answers["0"]["x"][0])
    assert baseline.runs[0].values["latency.p50"] == pytest.approx(0.010 * (number + 1))
    assert len(list(repository.store.path_for(SERVER, TEST).iterdir())) == 2
    return number


def test_it_restores_the_last_version_before_the_present_one_and_commits_nothing(versions):
    repository, commits = versions
    ended = repository.run("rollback", TEST)
    assert (ended.code, ended.err) == (0, "")
    assert version(repository) == 1
    assert f"restored {SERVER}/{TEST} as {commits[1][:10]} has it" in ended.out
    folder = repository.store.path_for(SERVER, TEST)
    assert f"git add -A -- '{folder}' && git commit" in ended.out
    assert repository.git("rev-parse", "HEAD").strip() == commits[2]


def test_repeated_it_goes_further_back_until_there_is_no_more(versions):
    repository, _ = versions
    repository.run("rollback", TEST)
    assert repository.run("rollback", TEST).code == 0
    assert version(repository) == 0
    ended = repository.run("rollback", TEST)
    assert ended.code == 2
    assert "no other version" in ended.err
    assert version(repository) == 0


def test_a_committed_rollback_is_undone_by_another(versions):
    repository, _ = versions
    repository.run("rollback", TEST)
    repository.commit("Go back")
    assert repository.run("rollback", TEST).code == 0
    assert version(repository) == 2


@pytest.mark.parametrize("number", [0, 1, 2])
def test_it_restores_the_version_of_a_revision_byte_for_byte(versions, number):
    repository, commits = versions
    repository.run("rollback", TEST, commits[number])
    assert version(repository) == number
    repository.git("add", "-A")
    assert repository.git("diff", "--cached", commits[number], "--", "baselines") == ""


def test_the_present_version_is_nothing_to_restore(versions):
    repository, _ = versions
    ended = repository.run("rollback", TEST, "HEAD")
    assert ended.code == 0
    assert "nothing to restore" in ended.out


@pytest.mark.parametrize("stage", [False, True])
def test_a_version_that_is_in_no_commit_is_not_given_up_without_force(versions, stage):
    repository, _ = versions
    repository.save(0.090)
    if stage:
        repository.git("add", "-A")
    ended = repository.run("rollback", TEST)
    assert (ended.code, ended.out) == (2, "")
    assert "would be lost" in ended.err
    assert repository.store.load(SERVER, TEST).runs[0].values["latency.p50"] == 0.090
    forced = repository.run("rollback", TEST, "--force")
    assert forced.code == 0
    assert version(repository) == 2
    assert "nothing to commit" in forced.out


def test_answers_that_are_in_no_commit_are_not_given_up_either(repository):
    (repository.path / ".gitignore").write_text("*.safetensors\n")
    repository.save(0.010, answers={})
    repository.commit()
    repository.save(0.020)
    repository.commit()
    ended = repository.run("rollback", TEST)
    assert ended.code == 2
    assert "would be lost" in ended.err


def test_a_deleted_baseline_is_restored(versions):
    repository, _ = versions
    shutil.rmtree(repository.store.root)
    assert repository.run("rollback", TEST).code == 0
    assert version(repository) == 2


def test_a_baseline_whose_deletion_was_committed_is_restored_by_its_folders_name(versions):
    repository, commits = versions
    folder = repository.store.path_for(SERVER, TEST)
    repository.store.remove(folder)
    repository.commit("Prune")
    ended = repository.run("rollback", TEST)
    assert ended.code == 2
    assert "no baseline is called" in ended.err
    assert repository.run("show", TEST, commits[1]).code == 2
    repository.git("revert", "--no-edit", "HEAD")
    assert repository.run("rollback", TEST).code == 0
    assert version(repository) == 1


def test_a_damaged_baseline_is_restored_by_its_tests_name(versions):
    repository, _ = versions
    folder = repository.store.path_for(SERVER, TEST)
    (folder / "baseline.json").write_text("{")
    assert "would be lost" in repository.run("rollback", TEST).err
    assert repository.run("rollback", TEST, "--force").code == 0
    assert version(repository) == 2


def test_the_baselines_of_other_tests_are_left_alone(versions):
    repository, _ = versions
    other = repository.save(test="other")
    before = {path.name: path.read_bytes() for path in other.iterdir()}
    repository.run("rollback", TEST)
    assert {path.name: path.read_bytes() for path in other.iterdir()} == before


def test_a_revision_without_it_and_a_baseline_of_one_version_are_refused(versions):
    repository, commits = versions
    repository.save(test="later")
    repository.commit()
    assert "has no baseline" in repository.run("rollback", "later", commits[0]).err
    assert "no other version" in repository.run("rollback", "later").err


def test_a_damaged_version_is_refused_and_nothing_changes(versions):
    repository, _ = versions
    folder = repository.store.path_for(SERVER, TEST)
    (folder / "baseline.json").write_text("{")
    repository.commit("Break it")
    repository.git("revert", "--no-edit", "HEAD")
    ended = repository.run("rollback", TEST)
    assert ended.code == 2
    assert "it is not valid JSON" in ended.err
    assert version(repository) == 2


def test_another_tests_baseline_in_its_place_is_refused(versions):
    repository, _ = versions
    folder, other = repository.store.path_for(SERVER, TEST), repository.save(test="other")
    shutil.rmtree(folder)
    shutil.copytree(other, folder)
    repository.commit("Copy by hand")
    repository.git("revert", "--no-edit", "HEAD")
    ended = repository.run("rollback", folder.name, "HEAD~1")
    assert ended.code == 2
    assert "another test's baseline" in ended.err
