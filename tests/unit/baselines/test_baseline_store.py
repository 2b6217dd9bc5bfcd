"""Baselines on disk: paths, damage, and what they say."""

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from baseline_samples import SERVER, TEST, answers_equal, sample_baseline
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.baselines import store as store_module
from pytest_modelgate.baselines.document import to_json
from pytest_modelgate.baselines.store import BaselineStore
from pytest_modelgate.errors import BaselineError, ModelgateError


@pytest.fixture
def store(tmp_path):
    return BaselineStore(tmp_path / "baselines")


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def same(one, other):
    return to_json(one, None) == to_json(other, None) and answers_equal(one.answers, other.answers)


# --- where a baseline lies -------------------------------------------------------------------


def test_the_folder_has_a_readable_name():
    path = BaselineStore(Path("/b")).path_for(SERVER, TEST)
    digest = hashlib.sha256(TEST.encode()).hexdigest()[:12]
    assert path == Path(f"/b/classifier/tests-test_models-py-test_classifier-a-b-{digest}")


ROOT = Path("/project/baselines")
TEST_IDS = st.text(st.characters(), max_size=300)


@given(TEST_IDS)
def test_every_folder_lies_within_the_root_whatever_the_test_is_called(test_id):
    path = BaselineStore(ROOT).path_for(SERVER, test_id)
    assert path.parent == ROOT / SERVER
    assert Path(os.path.normpath(path)) == path
    assert path.name.isascii()
    assert path.name[0] not in ".-"
    assert len(path.name) <= 100


@given(TEST_IDS, TEST_IDS)
def test_different_tests_have_different_folders_where_case_is_ignored_too(one, other):
    paths = [BaselineStore(ROOT).path_for(SERVER, test).name.casefold() for test in (one, other)]
    assert (paths[0] == paths[1]) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("t.py::t[a-b]", "t.py::t[a.b]"),
        ("t.py::t[A]", "t.py::t[a]"),
        ("t.py::t[a/b]", "t.py::t[a]/b"),
        ("t.py::t", "t.py::t[]"),
        ("x" * 5000 + "a", "x" * 5000 + "b"),
        ("é", "e\u0301"),
        ("", "test"),
    ],
)
def test_tests_that_peers_confuse_have_different_folders(store, one, other):
    first, second = store.path_for(SERVER, one), store.path_for(SERVER, other)
    assert first.name.casefold() != second.name.casefold()


@pytest.mark.parametrize(
    "test_id",
    [
        "../../../etc/passwd",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a\0b",
        "a\nb",
        "x" * 10_000,
        "日本",
        "\ud800",
    ],
)
def test_awkward_tests_are_recorded_and_found_again(store, test_id):
    store.save(sample_baseline(test=test_id))
    found = store.load(SERVER, test_id)
    assert found is not None
    assert found.test == test_id
    assert [path.name for path in store.root.iterdir()] == [SERVER]


@pytest.mark.parametrize("server", ["", ".", "..", "../x", "/etc", "a/b", "a\0", "x" * 65])
def test_a_servers_name_that_could_leave_the_root_is_refused(store, server):
    with pytest.raises(BaselineError, match="cannot be a folder's"):
        store.path_for(server, TEST)


# --- round trips -----------------------------------------------------------------------------


def test_what_was_never_recorded_is_none(store):
    assert store.load(SERVER, TEST) is None
    assert not store.root.exists()


def test_a_baseline_comes_back_whole(store):
    baseline = sample_baseline()
    folder = store.save(baseline)
    assert folder == store.path_for(SERVER, TEST)
    found = store.load(SERVER, TEST)
    assert found is not None
    assert same(found, baseline)


def test_the_folder_has_the_document_and_the_answers_it_names(store):
    content = files(store.save(sample_baseline()))
    sha256 = json.loads(content["baseline.json"])["answers"]["sha256"]
    assert sorted(content) == [f"answers-{sha256[:12]}.safetensors", "baseline.json"]
    assert hashlib.sha256(content[f"answers-{sha256[:12]}.safetensors"]).hexdigest() == sha256


def test_saving_the_same_again_leaves_no_difference(store):
    folder = store.save(sample_baseline())
    before = files(folder)
    store.save(sample_baseline())
    assert files(folder) == before


def test_the_same_baseline_gives_the_same_files_in_another_process(store, tmp_path):
    before = files(store.save(sample_baseline()))
    code = (
        "import sys; from pathlib import Path; from baseline_samples import sample_baseline;"
        "from pytest_modelgate.baselines.store import BaselineStore;"
        "BaselineStore(Path(sys.argv[1])).save(sample_baseline())"
    )
    for seed in ("1", "2"):
        root = tmp_path / seed
        run_python(code, str(root), PYTHONHASHSEED=seed)
        assert files(BaselineStore(root).path_for(SERVER, TEST)) == before


def run_python(code, *arguments, check=True, **env):
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": paths, **env},
        check=check,
        capture_output=True,
        text=True,
    )


def test_new_answers_replace_the_old_ones(store):
    store.save(sample_baseline())
    new = sample_baseline(answers={"0": {"label": np.ones((2, 3), np.float32)}})
    folder = store.save(new)
    assert len(files(folder)) == 2
    found = store.load(SERVER, TEST)
    assert found is not None
    assert same(found, new)


def test_without_answers_there_is_no_file_of_them(store):
    store.save(sample_baseline())
    folder = store.save(sample_baseline(answers={}))
    assert list(files(folder)) == ["baseline.json"]
    found = store.load(SERVER, TEST)
    assert found is not None
    assert found.answers == {}


def test_the_files_get_the_permissions_that_the_user_wants(store):
    previous = os.umask(0o027)
    try:
        folder = store.save(sample_baseline())
    finally:
        os.umask(previous)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o640}


def test_locks_leave_nothing_in_the_repository(store, tmp_path):
    store.save(sample_baseline())
    store.load(SERVER, TEST)
    assert [path.name for path in tmp_path.iterdir()] == ["baselines"]
    assert not list(tmp_path.rglob("*.lock"))


# --- damage ----------------------------------------------------------------------------------


def damaged(store, name, content):
    """Return the error that a damaged file leads to."""
    folder = store.save(sample_baseline())
    path = folder / name if name == "baseline.json" else next(folder.glob("answers-*"))
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(BaselineError) as caught:
        store.load(SERVER, TEST)
    assert str(folder) in caught.value.what
    assert caught.value.hint
    return caught.value


def test_a_truncated_document_says_how_to_get_it_back(store):
    error = damaged(store, "baseline.json", b'{"schema": "modelgate-baseline/1",')
    assert "not valid JSON" in error.what
    assert "git checkout" in (error.hint or "")
    assert "--update-baseline" in (error.hint or "")


def test_an_empty_document_is_damage_and_not_the_absence_of_a_baseline(store):
    assert "not valid JSON" in damaged(store, "baseline.json", b"").what


def test_a_newer_document_says_to_upgrade(store):
    content = to_json(sample_baseline(), None).replace(
        b"modelgate-baseline/1", b"modelgate-baseline/2"
    )
    assert damaged(store, "baseline.json", content).hint == "upgrade pytest-modelgate"


def test_a_merge_conflict_is_called_by_its_name(store):
    assert "merge conflict" in damaged(store, "baseline.json", b"<<<<<<< HEAD\n{\n").what


@pytest.mark.parametrize("change", [{"test": "tests/other.py::test"}, {"server": "other"}])
def test_the_baseline_of_another_test_or_server_is_refused(store, change):
    error = damaged(store, "baseline.json", to_json(sample_baseline(**change), None))
    assert "belongs to another test" in error.what
    assert error.expected == f"{TEST} on {SERVER}"


def test_missing_answers_are_named(store):
    assert "its answers are missing: answers-" in damaged(store, "answers", None).what


@pytest.mark.parametrize("content", [b"", b"other"])
def test_other_answers_than_those_recorded_are_refused(store, content):
    error = damaged(store, "answers", content)
    assert "not the file that was recorded" in error.what
    assert (error.got or "") == hashlib.sha256(content).hexdigest()


def test_answers_that_git_lfs_did_not_fetch_say_so(store):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    assert damaged(store, "answers", pointer).hint == "fetch it: `git lfs pull`"


def test_a_document_that_declares_other_tensors_than_the_file_has_is_refused(store):
    folder = store.save(sample_baseline())
    path = folder / "baseline.json"
    path.write_bytes(path.read_bytes().replace(b"float32[2,3]", b"float32[3,2]"))
    with pytest.raises(BaselineError, match="not what the baseline declares"):
        store.load(SERVER, TEST)


def test_answers_without_a_document_are_no_baseline(store):
    folder = store.save(sample_baseline())
    (folder / "baseline.json").unlink()
    assert store.load(SERVER, TEST) is None


def test_a_document_that_cannot_be_read_is_an_error_and_not_the_absence_of_a_baseline(store):
    folder = store.save(sample_baseline())
    (folder / "baseline.json").unlink()
    (folder / "baseline.json").mkdir()
    with pytest.raises(BaselineError, match="cannot use the baseline") as caught:
        store.load(SERVER, TEST)
    assert "Is a directory" in (caught.value.got or "")


def test_an_update_replaces_a_damaged_baseline(store):
    assert store.load_or_none(SERVER, TEST) is None
    folder = store.save(sample_baseline())
    assert store.load_or_none(SERVER, TEST) is not None
    (folder / "baseline.json").write_bytes(b"<<<<<<< HEAD\n")
    assert store.load_or_none(SERVER, TEST) is None
    store.save(sample_baseline())
    assert store.load(SERVER, TEST) is not None


# --- what cannot be written ------------------------------------------------------------------


def test_a_root_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BaselineError, match="cannot write the baseline") as caught:
        BaselineStore(tmp_path / "file").save(sample_baseline())
    assert "writable" in (caught.value.hint or "")


def test_a_read_only_place_is_refused():
    with pytest.raises(BaselineError, match="cannot write the baseline"):
        BaselineStore(Path("/proc/self")).save(sample_baseline())


def test_where_there_is_no_room_the_old_baseline_stays_and_nothing_half_written(store):
    folder = store.save(sample_baseline())
    before = files(folder)
    large = sample_baseline(answers={"0": {"label": np.zeros(100_000)}})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # a file may not grow beyond
    try:
        with pytest.raises(BaselineError, match="cannot write the baseline") as caught:
            store.save(large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "File too large" in (caught.value.got or "")
    assert files(folder) == before


@pytest.mark.parametrize(
    "change", [{"exact": {"recall": float("nan")}}, {"answers": {"0": {"x": np.zeros(1, "c16")}}}]
)
def test_what_no_baseline_can_hold_leaves_the_old_one(store, change):
    folder = store.save(sample_baseline())
    before = files(folder)
    with pytest.raises(BaselineError):
        store.save(sample_baseline(**change))
    assert files(folder) == before


def test_a_lock_that_is_never_released_is_an_error_and_not_a_wait_without_end(store, monkeypatch):
    monkeypatch.setattr(store_module, "LOCK_TIMEOUT_S", 0.0)
    with store_module._locked(store.path_for(SERVER, TEST)):
        with pytest.raises(BaselineError, match="another process has held its lock") as caught:
            store.save(sample_baseline())
        assert ".lock" in (caught.value.hint or "")
    store.save(sample_baseline())


def test_a_place_for_locks_that_cannot_be_used_is_an_error(store, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    for act in (lambda: store.load(SERVER, TEST), lambda: store.save(sample_baseline())):
        with pytest.raises(ModelgateError, match="no lock can be made"):
            act()


def test_the_lock_of_one_baseline_is_found_by_every_path_to_it(store, tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "LOCK_TIMEOUT_S", 0.0)
    store.root.mkdir()
    (tmp_path / "link").symlink_to(store.root)
    other = BaselineStore(tmp_path / "link")
    with (
        store_module._locked(store.path_for(SERVER, TEST)),
        pytest.raises(BaselineError, match="lock"),
    ):
        other.save(sample_baseline())
