"""The files of an earlier commit, from real repositories."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from pytest_modelgate.errors import BaselineServerError
from pytest_modelgate.servers.checkout import Repository

INTERRUPTING = "cat; kill -INT $PYTEST_PID; sleep 1"


def git(folder, *arguments):
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def top(tmp_path):
    """A work tree with a folder `server`, that one commit had otherwise."""
    top = tmp_path / "project"
    (top / "server").mkdir(parents=True)
    git(top, "init")
    (top / "server" / "main.go").write_text("old\n")
    git(top, "add", ".")
    git(top, "commit", "-m", "first")
    (top / "server" / "main.go").write_text("new\n")
    return top


@pytest.fixture
def commit(top):
    """The commit that had the folder otherwise."""
    return git(top, "rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where temporary folders are made; none is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def test_a_repository_is_found_from_a_folder_below(top):
    repository = Repository.around(top / "server")
    assert repository == Repository(top.resolve(), top.resolve() / ".git")


def test_the_files_are_as_they_were_and_gone_afterwards(top, commit):
    with Repository.around(top).checked_out(commit) as tree:
        assert (tree / "server" / "main.go").read_text() == "old\n"
        assert not (tree / ".git").exists()
    assert not tree.exists()


def test_the_repository_is_left_as_it_was(top, commit):
    git(top, "config", "core.hooksPath", str(top / "hooks"))
    hook = top / "hooks" / "post-checkout"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {top}/ran\n")
    hook.chmod(0o755)
    (top / "staged").write_text("x")
    git(top, "add", "staged")
    before = git(top, "status", "--porcelain=v2", "--branch")
    with Repository.around(top).checked_out(commit):
        assert git(top, "worktree", "list").count("\n") == 0
    assert git(top, "status", "--porcelain=v2", "--branch") == before
    assert (top / "server" / "main.go").read_text() == "new\n"


def test_a_linked_work_tree_has_the_same_commits(top, commit, tmp_path):
    linked = tmp_path / "linked"
    git(top, "worktree", "add", "--detach", str(linked))
    repository = Repository.around(linked)
    assert repository.top == linked.resolve()
    with repository.checked_out(commit) as tree:
        assert (tree / "server" / "main.go").read_text() == "old\n"


def test_gits_variables_of_a_hook_do_not_lead_elsewhere(top, commit, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere" / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "elsewhere"))
    assert Repository.around(top / "server").top == top.resolve()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError])
def test_whatever_ends_the_context_the_folder_is_removed(top, commit, kind):
    with pytest.raises(kind), Repository.around(top).checked_out(commit):
        raise kind


def test_an_interrupt_while_git_writes_leaves_nothing(top, monkeypatch):
    monkeypatch.setenv("PYTEST_PID", str(os.getpid()))
    (top / ".gitattributes").write_text("* filter=slow\n")
    git(top, "add", ".")
    git(top, "commit", "-m", "second")
    git(top, "config", "filter.slow.smudge", INTERRUPTING)
    repository, commit = Repository.around(top), git(top, "rev-parse", "HEAD")
    with pytest.raises(KeyboardInterrupt), repository.checked_out(commit):
        pytest.fail("git was not interrupted")
    assert git(top, "worktree", "list").count("\n") == 0


def test_a_commit_that_git_cannot_write_is_reported_with_its_words(top):
    repository = Repository.around(top)
    files = repository.checked_out("0" * 40)
    with pytest.raises(BaselineServerError, match="cannot be checked out") as caught, files:
        pytest.fail("there is no such commit")
    assert "0000" in caught.value.got


@pytest.mark.parametrize("folder", [Path(), Path("server")])
def test_a_commit_and_a_folder_that_are_there_are_as_expected(top, commit, folder):
    Repository.around(top).expect(commit, folder)


@pytest.mark.parametrize(
    "commit",
    ["", "HEAD", "main", "abc", "--upload-pack=touch x", "a b", "0" * 39, "0" * 41, "A" * 40,
     "0" * 40 + "\n", "٠" * 40],
)  # fmt: skip
def test_what_is_no_whole_commit_in_hexadecimal_is_refused(top, commit):
    with pytest.raises(BaselineServerError, match="does not say from which commit") as caught:
        Repository.around(top).expect(commit, Path())
    assert caught.value.got == commit


def test_a_commit_that_the_clone_does_not_have_says_how_to_get_it(top, commit, tmp_path):
    git(top, "commit", "-a", "-m", "second")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--depth=1", f"file://{top}", str(clone))
    with pytest.raises(BaselineServerError, match="not in this clone") as caught:
        Repository.around(clone).expect(commit, Path("server"))
    assert "git fetch --unshallow" in caught.value.hint
    assert "fetch-depth: 0" in caught.value.hint
    git(clone, "fetch", "--unshallow")
    Repository.around(clone).expect(commit, Path("server"))


def test_the_digest_of_a_file_is_no_commit(top):
    blob = git(top, "rev-parse", "HEAD:server/main.go")
    with pytest.raises(BaselineServerError, match="not in this clone"):
        Repository.around(top).expect(blob, Path())


@pytest.mark.parametrize("folder", ["other", "server/main.go"])
def test_a_folder_that_did_not_exist_then_is_reported(top, commit, folder):
    with pytest.raises(BaselineServerError, match=f"no folder {folder} yet"):
        Repository.around(top).expect(commit, Path(folder))


def test_without_a_repository_there_is_nothing_to_build_from(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(BaselineServerError, match="in no git repository") as caught:
        Repository.around(tmp_path)
    assert "not a git repository" in caught.value.got


def test_without_git_it_says_what_to_install(top, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BaselineServerError, match="git cannot be run") as caught:
        Repository.around(top)
    assert caught.value.hint == "install git"
