"""Whose servers they are, and whether that session still lives."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from pytest_modelgate.servers import owner as owner_module
from pytest_modelgate.servers.owner import LABEL, Session, lives, start_mark

UNUSED_PID = 2**22 + 1
"""Above the largest number that Linux gives."""


@pytest.fixture
def child():
    """A process that lives until it is killed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield child
        child.kill()


def test_this_session_lives_and_has_an_id_of_its_own():
    one, other = Session.current(), Session.current()
    assert not one.is_dead()
    assert one.pid == os.getpid()
    assert one.id != other.id
    assert replace(one, id=other.id) == other


def test_a_session_is_known_again_by_its_labels_and_by_its_variable():
    session = Session.current()
    assert Session.from_labels(session.labels() | {"other": "label"}) == session
    assert Session.from_variable(session.variable()) == session
    assert session.labels()[LABEL] == session.id


@pytest.mark.parametrize("missing", ["session", "pid", "started", "host"])
def test_incomplete_labels_are_nobodys(missing):
    labels = Session.current().labels()
    del labels[f"modelgate.{missing}"]
    assert Session.from_labels(labels) is None
    assert Session.from_variable(json.dumps(labels)) is None


@pytest.mark.parametrize("text", ["", "no json", "[]", "null", '{"modelgate.session": 1}'])
def test_a_variable_that_is_something_else_is_nobodys(text):
    assert Session.from_variable(text) is None


def test_a_pid_that_is_no_number_is_nobodys():
    assert Session.from_labels(Session.current().labels() | {"modelgate.pid": "x"}) is None


def test_a_session_whose_process_ended_is_dead_even_as_a_zombie(child):
    session = replace(Session.current(), pid=child.pid, started=start_mark(child.pid))
    assert not session.is_dead()
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert session.is_dead()
    child.wait()
    assert session.is_dead()


def test_a_session_whose_number_another_process_has_is_dead(child):
    assert replace(Session.current(), pid=child.pid, started="12").is_dead()


def test_a_session_of_another_host_is_never_called_dead():
    assert not replace(Session.current(), pid=UNUSED_PID, host="another").is_dead()


def test_a_process_that_the_kernel_hides_counts_as_living(child, monkeypatch):
    monkeypatch.setattr(owner_module, "start_mark", lambda pid: None)
    assert lives(child.pid, "any")
    assert not lives(UNUSED_PID, "any")
    assert not owner_module._is_zombie(UNUSED_PID)


def test_without_proc_the_start_time_and_the_host_name_serve(child, monkeypatch):
    monkeypatch.setattr(owner_module, "_HAS_PROC", False)
    session = replace(Session.current(), pid=child.pid, started=start_mark(child.pid))
    assert not session.is_dead()
    assert start_mark(UNUSED_PID) is None
    child.kill()
    child.wait()
    assert session.is_dead()
