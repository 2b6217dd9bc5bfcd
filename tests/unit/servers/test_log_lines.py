"""A server's log, made fit to be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelgate.servers.log_lines import LONGEST_LINE, last_lines


def test_the_last_lines_are_returned_oldest_first():
    assert last_lines(b"a\nb\nc\n", 2) == ("b", "c")
    assert last_lines(b"a\nb\nc\n", 3) == ("a", "b", "c")
    assert last_lines(b"a\nb\nc\n", 4) == ("a", "b", "c")


def test_an_empty_log_has_no_lines_and_an_unfinished_line_is_one():
    assert last_lines(b"", 5) == ()
    assert last_lines(b"a\n\nb", 5) == ("a", "", "b")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[31;1mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07text", "text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b]0;never closed", ""),
        (b"\x1bcreset", "reset"),
        (b"a\x00b\x08c\x7fd\xc2\x9be", "abcde"),
        (b"tab\tstays", "tab\tstays"),
        (b"10 %\r50 %\r100 %", "100 %"),
        (b"windows\r", "windows"),
        (b"caf\xe9", "caf\N{REPLACEMENT CHARACTER}"),
        ("gr\u00fc\u00df\u2028dich".encode(), "gr\u00fc\u00df\u2028dich"),
    ],
)
def test_terminal_control_and_what_is_not_text_are_taken_out(raw, shown):
    assert last_lines(raw, 5) == (shown,)


@pytest.mark.parametrize("length", [LONGEST_LINE - 1, LONGEST_LINE])
def test_a_line_up_to_the_longest_is_whole(length):
    assert last_lines(b"x" * length, 1) == ("x" * length,)


def test_a_line_above_the_longest_is_cut_and_says_so():
    (line,) = last_lines(b"x" * (LONGEST_LINE + 1), 1)
    assert line == "x" * LONGEST_LINE + "… (1 more characters)"


@given(st.binary(max_size=300), st.integers(1, 5))
def test_nothing_that_moves_a_terminal_ever_remains(raw, lines):
    shown = last_lines(raw, lines)
    assert len(shown) <= lines
    forbidden = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0))} - {"\t"}
    assert not forbidden & set("".join(shown))
