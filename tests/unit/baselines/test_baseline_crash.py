"""Killed at any moment, or two at once: a baseline is the old one or the new one, whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from baseline_samples import SERVER, TEST, answers_equal, sample_baseline

from pytest_modelgate.baselines.store import BaselineStore
from pytest_modelgate.errors import BaselineError

STEPS = ("open", "fsync", "replace", "glob", "unlink")
"""Path.open, os.fsync, Path.replace, Path.glob, Path.unlink: all that a save does to the disk."""

OLD = sample_baseline(answers={"0": {"label": np.zeros(4)}}, exact={"version": 1.0})
NEW = sample_baseline(answers={"0": {"label": np.ones(4)}}, exact={"version": 2.0})

KILLER = """
import json, os, signal, sys
from pathlib import Path
import numpy as np
from baseline_samples import sample_baseline
from pytest_modelgate.baselines.store import BaselineStore

def save_and_die(root, step, number):
    owner = os if step == "fsync" else Path
    real, calls = getattr(owner, step), 0

    def dying(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    setattr(owner, step, dying)
    BaselineStore(Path(root)).save(
        sample_baseline(answers={"0": {"label": np.ones(4)}}, exact={"version": 2.0})
    )

for root, step, number in json.loads(sys.argv[1]):
    pid = os.fork()
    if pid == 0:
        save_and_die(root, step, number)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
"""

WRITER = """
import sys
from pathlib import Path
import numpy as np
from baseline_samples import sample_baseline
from pytest_modelgate.baselines.store import BaselineStore

store, version = BaselineStore(Path(sys.argv[1])), float(sys.argv[2])
answers = {"0": {"label": np.full(1000, version)}}
for _ in range(15):
    store.save(sample_baseline(answers=answers, exact={"version": version}))
"""


def start(code, *arguments):
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env={**os.environ, "PYTHONPATH": paths}
    )


def version_of(baseline):
    """Return which of the two it is, and check that its answers are those of that one."""
    whole = OLD if baseline.exact == OLD.exact else NEW
    assert baseline.exact == whole.exact
    assert answers_equal(baseline.answers, whole.answers)
    return baseline.exact["version"]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Return (step, how often it was reached, whether OLD was there) → what the dead left."""
    folder = tmp_path_factory.mktemp("killed")
    stores = {}
    for step in STEPS:
        for number in (1, 2) if step in {"open", "fsync", "replace"} else (1,):
            for recorded in (True, False):
                store = BaselineStore(folder / f"{step}-{number}-{recorded}")
                stores[step, number, recorded] = store
                if recorded:
                    store.save(OLD)
                elif step == "unlink":  # there is nothing to delete then
                    del stores[step, number, recorded]
    jobs = [(str(store.root), step, number) for (step, number, _), store in stores.items()]
    assert start(KILLER, json.dumps(jobs)).wait() == 0
    return stores


@pytest.mark.parametrize(
    ("step", "number", "version"),
    [
        ("open", 1, 1.0),  # the new answers' temporary file
        ("fsync", 1, 1.0),
        ("replace", 1, 1.0),
        ("open", 2, 1.0),  # the new document's
        ("fsync", 2, 1.0),
        ("replace", 2, 1.0),
        ("glob", 1, 2.0),  # looking for what is left over
        ("unlink", 1, 2.0),
    ],
)
def test_killed_at_any_step_the_baseline_is_the_old_or_the_new_one(killed, step, number, version):
    store = killed[step, number, True]
    found = store.load(SERVER, TEST)
    assert found is not None
    assert version_of(found) == version
    # The next save cleans up whatever the dead process left.
    folder = store.save(NEW)
    assert len(list(folder.iterdir())) == 2
    again = store.load(SERVER, TEST)
    assert again is not None
    assert version_of(again) == 2.0


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_killed_while_recording_the_first_time_there_is_no_baseline(killed, step, number):
    assert killed[step, number, False].load(SERVER, TEST) is None


def test_killed_after_the_first_document_was_put_in_place_there_is_the_baseline(killed):
    found = killed["glob", 1, False].load(SERVER, TEST)
    assert found is not None
    assert version_of(found) == 2.0


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("number", [1, 2])
def test_a_step_that_fails_is_reported_and_leaves_a_whole_baseline(
    tmp_path, monkeypatch, step, number
):
    store = BaselineStore(tmp_path)
    store.save(OLD)
    calls = 0
    owner = os if step == "fsync" else Path
    real = getattr(owner, step)

    def failing(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == number:
            raise OSError(28, "No space left on device")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, failing)
        try:
            store.save(NEW)
        except BaselineError as error:
            failure = str(error)
        else:
            failure = None
    assert (failure is None) == (calls < number)  # every failure is reported
    assert failure is None or "No space left on device" in failure
    found = store.load(SERVER, TEST)
    assert found is not None
    assert version_of(found) == (2.0 if step in {"glob", "unlink"} else 1.0)
    assert not list(tmp_path.rglob("*.tmp"))


def test_an_interrupt_while_writing_leaves_no_temporary_file(tmp_path, monkeypatch):
    store = BaselineStore(tmp_path)
    store.save(OLD)

    def interrupted(_descriptor):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.save(NEW)
    found = store.load(SERVER, TEST)
    assert found is not None
    assert version_of(found) == 1.0
    assert not list(tmp_path.rglob("*.tmp"))


def test_two_processes_that_update_at_once_leave_one_of_their_baselines_whole(tmp_path):
    store = BaselineStore(tmp_path)
    writers = [start(WRITER, str(tmp_path), version) for version in ("1", "2")]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        found = store.load(SERVER, TEST)  # a reader at the same time never sees a torn one
        if found is not None:
            version = found.exact["version"]
            assert np.array_equal(found.answers["0"]["label"], np.full(1000, version))
            seen.add(version)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen
    assert len(list(store.path_for(SERVER, TEST).iterdir())) == 2
