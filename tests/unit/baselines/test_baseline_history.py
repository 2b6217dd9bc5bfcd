"""What git says of baselines, and what may be wrong with it."""

import shutil
import subprocess

import pytest
from baseline_samples import SERVER, TEST, sample_baseline

from pytest_modelgate.baselines import history as history_module
from pytest_modelgate.baselines.history import History
from pytest_modelgate.baselines.store import BaselineStore
from pytest_modelgate.errors import BaselineError


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Run git in a repository whose name a careless command would stumble over."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.org")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    path = tmp_path / "re po\n*?"
    path.mkdir()

    def run(*args, cwd=path):
        subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True)

    run("init", "-q", "-b", "main")
    run.path = path
    return run


def commit(git):
    git("add", "-A")
    git("commit", "-q", "-m", "Record\n\nbody")


def name_of(store):
    return str(store.path_for(SERVER, TEST).relative_to(store.root))


@pytest.mark.parametrize("root", ["baselines", "-b", "a b/../c", "x\ny", ".", ":(top)", "[b]*"])
def test_a_folder_of_any_name_has_its_history(git, root):
    store = BaselineStore(git.path / root)
    store.save(sample_baseline())
    commit(git)
    history = History(store.root)
    name = name_of(store)
    assert history.folders("HEAD") == [name]
    (version,) = history.versions(name)
    assert version.subject == "Record"
    assert version.blobs == history.present_blobs(store.path_for(SERVER, TEST))
    recorded = history.at(name, "main")
    assert recorded.baseline.test == TEST
    assert recorded.files.document == (store.root / name / "baseline.json").read_bytes()


def test_a_link_to_the_folder_has_the_history_of_where_it_leads(git, tmp_path):
    store = BaselineStore(git.path / "baselines")
    store.save(sample_baseline())
    commit(git)
    link = tmp_path / "link"
    link.symlink_to(store.root)
    assert History(link).folders("HEAD") == [name_of(store)]


def test_a_folder_that_no_longer_exists_has_its_history(git):
    store = BaselineStore(git.path / "baselines")
    store.save(sample_baseline())
    commit(git)
    shutil.rmtree(store.root)
    assert len(History(store.root).versions(name_of(store))) == 1


def test_files_elsewhere_in_git_are_no_baselines(git):
    for path in ("baselines/baseline.json", "baselines/a/baseline.json", "a/b/baseline.json",
                 "baselines/.x/b/baseline.json", "baselines/a/b/c/baseline.json"):  # fmt: skip
        (git.path / path).parent.mkdir(parents=True, exist_ok=True)
        (git.path / path).write_text("")
    commit(git)
    assert History(git.path / "baselines").folders("HEAD") == []


def test_a_merge_is_no_version_of_its_own(git):
    store = BaselineStore(git.path / "baselines")
    store.save(sample_baseline())
    commit(git)
    git("checkout", "-q", "-b", "side")
    store.save(sample_baseline(exact={}))
    commit(git)
    git("checkout", "-q", "main")
    (git.path / "file").write_text("")
    commit(git)
    git("merge", "-q", "--no-ff", "-m", "Merge", "side")
    assert len(History(store.root).versions(name_of(store))) == 2


def test_removed_and_recorded_again_it_has_two_versions(git):
    store = BaselineStore(git.path / "baselines")
    folder = store.save(sample_baseline())
    commit(git)
    store.remove(folder)
    commit(git)
    assert History(store.root).read(name_of(store), "HEAD") is None
    store.save(sample_baseline())
    commit(git)
    assert len(History(store.root).versions(name_of(store))) == 2


def test_a_baseline_without_answers_comes_back(git):
    store = BaselineStore(git.path / "baselines")
    store.save(sample_baseline(answers={}))
    commit(git)
    recorded = History(store.root).at(name_of(store), "HEAD")
    assert recorded.baseline.answers == {}
    assert recorded.files.answers_name == ""


def test_line_ends_come_as_a_checkout_has_them(git):
    (git.path / ".gitattributes").write_text("*.json text eol=crlf\n")
    store = BaselineStore(git.path / "baselines")
    store.save(sample_baseline())
    commit(git)
    history = History(store.root)
    assert b"\r\n" in history.at(name_of(store), "HEAD").files.document
    blobs = history.versions(name_of(store))[0].blobs
    assert history.present_blobs(store.path_for(SERVER, TEST)) == blobs


def test_a_git_lfs_pointer_says_what_to_fetch(git):
    store = BaselineStore(git.path / "baselines")
    folder = store.save(sample_baseline())
    (answers,) = folder.glob("answers-*")
    answers.write_text("version https://git-lfs.github.com/spec/v1\n")
    commit(git)
    history = History(store.root)
    with pytest.raises(BaselineError, match="is a Git LFS pointer") as caught:
        history.at(name_of(store), "HEAD")
    assert "git lfs fetch --all" in caught.value.hint
    assert history.test_of(name_of(store)) is None


def test_answers_that_were_not_committed_are_missing(git):
    (git.path / ".gitignore").write_text("*.safetensors")
    store = BaselineStore(git.path / "baselines")
    store.save(sample_baseline())
    commit(git)
    with pytest.raises(BaselineError, match="of HEAD: its answers are missing"):
        History(store.root).at(name_of(store), "HEAD")


def test_a_new_repository_has_no_versions(git):
    store = BaselineStore(git.path / "baselines")
    store.save(sample_baseline())
    history = History(store.root)
    assert not history.has_commits()
    assert history.versions(name_of(store)) == ()
    assert history.test_of(name_of(store)) is None


def test_a_folder_in_no_repository_is_refused(tmp_path, git):
    with pytest.raises(BaselineError, match="is not known") as caught:
        History(tmp_path / "baselines")
    assert "not a git repository" in caught.value.got


def test_a_folder_in_a_bare_repository_is_refused(tmp_path, git):
    git("init", "-q", "--bare", "bare", cwd=tmp_path)
    with pytest.raises(BaselineError, match="is not known") as caught:
        History(tmp_path / "bare" / "baselines")
    assert "work tree" in caught.value.got


def test_without_git_there_is_no_history(git, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BaselineError, match="is not known") as caught:
        History(git.path)
    assert caught.value.got == "git is not installed, and has the history"


def test_a_git_that_hangs_is_not_waited_for_for_ever(git, tmp_path, monkeypatch):
    stub = tmp_path / "bin" / "git"
    stub.parent.mkdir()
    stub.write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(stub.parent))
    monkeypatch.setattr(history_module, "_GIT_TIMEOUT_S", 0.01)
    with pytest.raises(BaselineError, match="is not known") as caught:
        History(git.path)
    assert "took longer" in caught.value.got
