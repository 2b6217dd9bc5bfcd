"""The line that says what goes on, on a terminal and nowhere else."""

import io
import re

import pytest

from pytest_modelgate.reports.progress import NoProgress, TerminalProgress


class Screen(io.StringIO):
    """A terminal that keeps everything."""

    def isatty(self):
        return True

    @property
    def text(self):
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.getvalue())


@pytest.fixture
def screen(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return Screen()


def test_silence_says_nothing(capfd):
    progress = NoProgress()
    progress.step("toy: run 1 of 5")
    progress.requests(1, 2)
    progress.done()
    assert capfd.readouterr() == ("", "")


def test_the_step_and_the_requests_are_shown(screen):
    progress = TerminalProgress(screen)
    progress.step("toy: run 1 of 5")
    assert "modelgate toy: run 1 of 5" in screen.text
    progress.requests(30, 120)
    assert re.search(r"30/120", screen.text)
    progress.requests(120, 120)
    assert re.search(r"120/120", screen.text)
    progress.done()


def test_a_window_of_time_has_no_total(screen):
    progress = TerminalProgress(screen)
    progress.step("toy: run 1 of 5")
    progress.requests(30, None)
    assert re.search(r"30/\?", screen.text)
    progress.done()


def test_the_next_step_begins_at_zero(screen):
    progress = TerminalProgress(screen)
    progress.step("toy: run 1 of 2")
    progress.requests(30, 120)
    progress.step("toy: run 2 of 2")
    assert screen.text.rpartition("toy: run 2 of 2")[2].strip().endswith("0/?")
    progress.done()


def test_when_it_is_done_the_line_is_erased_and_the_cursor_is_back(screen):
    progress = TerminalProgress(screen)
    progress.step("toy: run 1 of 1")
    progress.done()
    ending = screen.getvalue().rpartition("?/?")[2]
    assert "\x1b[?25h" in ending
    assert ending.endswith("\x1b[2K")


def test_done_without_a_step_says_nothing(screen):
    progress = TerminalProgress(screen)
    progress.done()
    assert screen.getvalue() == ""


def test_it_can_be_shown_again(screen):
    progress = TerminalProgress(screen)
    for step in ("first", "second"):
        progress.step(step)
        progress.done()
    assert "first" in screen.text
    assert "second" in screen.text
