"""What the commands print: tables, and text from elsewhere that cannot disturb a terminal."""

from __future__ import annotations

import io
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pytest_modelgate.metrics import Metrics
from pytest_modelgate.units import format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOTHING = "–"
_UNLIMITED = 10_000
"""Columns where nobody looks on: a log has no edge to wrap at, and a tool wants whole names."""

_METRICS = Metrics()


def print_lines(*lines: str) -> None:
    """Print lines to standard output; what its encoding cannot show is written out."""
    encoding = sys.stdout.encoding or "utf-8"
    text = "".join(f"{line}\n" for line in lines)
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: int = 0) -> None:
    """Print a table without lines.

    :param columns: the headings; a cell of the first column is never cut.
    :param right: how many of the last columns are numbers, and stand to the right.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for number, name in enumerate(columns):
        is_number = number >= len(columns) - right
        table.add_column(
            name,
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    print_lines(*_rendered(table, sys.stdout))


def _rendered(table: Table, target: TextIO) -> list[str]:
    is_terminal = target.isatty()
    stream = io.StringIO()
    width = shutil.get_terminal_size().columns if is_terminal else _UNLIMITED
    console = Console(
        file=stream,
        width=width,
        force_terminal=is_terminal,
        color_system="standard" if is_terminal else None,
        highlight=False,
    )
    console.print(table)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def one_line(text: str) -> str:
    """Return text with line breaks and control characters written out (``\\n``, ``\\x1b``)."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shown(metric: str, value: float) -> str:
    """Return a metric's value as people read it; a number of the user's own has no unit."""
    if metric == "errors.rate":
        return format_percent(value)
    return format_value(value, _METRICS[metric].unit if metric in _METRICS else "1")


def short_commit(commit: str) -> str:
    """Return a commit's hash as people write it."""
    return commit[:10]
