"""Processes found by a variable that all descendants inherit."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from pytest_modelgate.errors import ServerError
from pytest_modelgate.servers.marked_processes import kill_marked, marked

VARIABLE = "MODELGATE_TEST_MARK"


@pytest.fixture
def start():
    """Starts processes that wait, with a mark."""
    started = []

    def start(mark):
        env = {**os.environ, VARIABLE: mark}
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=env)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def test_only_processes_with_the_wanted_value_are_found(start):
    wanted, _ = start("wanted"), start("another")
    assert [process.pid for process in marked(VARIABLE, "wanted".__eq__)] == [wanted.pid]


def test_only_they_are_killed_and_told(start):
    wanted, other = start("wanted"), start("another")
    assert kill_marked(VARIABLE, "wanted".__eq__) == [wanted.pid]
    assert other.poll() is None
    assert kill_marked(VARIABLE, "wanted".__eq__) == []


def test_processes_that_replace_each_other_faster_than_they_are_killed_do_not_hold_us_for_ever(
    start,
):
    mark = "wanted"
    start(mark)

    def and_start_the_next(value):
        is_wanted = value == mark
        if is_wanted:
            start(mark)
        return is_wanted

    assert len(kill_marked(VARIABLE, and_start_the_next)) >= 20
    kill_marked(VARIABLE, mark.__eq__)


def test_a_process_that_ends_before_it_is_killed_is_as_good_as_killed(start, monkeypatch):
    child = start("wanted")

    def too_late(process):
        child.kill()
        child.wait()
        raise psutil.NoSuchProcess(process.pid)

    monkeypatch.setattr(psutil.Process, "kill", too_late)
    assert kill_marked(VARIABLE, "wanted".__eq__) == [child.pid]


def test_a_process_that_may_not_be_killed_is_told(start, monkeypatch):
    child = start("wanted")

    def refuse(process):
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "kill", refuse)
    with pytest.raises(ServerError, match=f"process {child.pid} may not be killed"):
        kill_marked(VARIABLE, "wanted".__eq__)
