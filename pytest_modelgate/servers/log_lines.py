"""A server's log as lines that can be shown safely: decoded, no terminal control, not endless."""

from __future__ import annotations

import re

LONGEST_LINE = 500

# ECMA-48: CSI sequences, OSC … strings up to their terminator, and two-character escapes.
_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|(?=\n)|$)"
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def last_lines(log: bytes, lines: int) -> tuple[str, ...]:
    """Return the last lines of a log, oldest first, as text without terminal control.

    Bytes that are not UTF-8 are replaced. A line rewritten by carriage returns (a progress bar) is
    shown as it stood last. A line longer than LONGEST_LINE characters is cut, and says so.
    """
    text = _ESCAPE.sub("", log.decode("utf-8", errors="replace"))
    # Not splitlines(), for which a form feed or U+2028 within a message would end the line.
    every = text.removesuffix("\n").split("\n") if log else []
    return tuple(_shown(line) for line in every[-lines:])


def _shown(line: str) -> str:
    as_it_stood_last = line.rstrip("\r").rpartition("\r")[2]
    clean = _CONTROL.sub("", as_it_stood_last)
    if len(clean) <= LONGEST_LINE:
        return clean
    return f"{clean[:LONGEST_LINE]}… ({len(clean) - LONGEST_LINE} more characters)"
