"""The tables of a Markdown page, so that a reference can be held against the code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CELL_BORDER = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]*)`")


def rows_of(page: Path, heading: str) -> list[dict[str, str]]:
    """Return the rows of the first table below a heading: column's title → cell."""
    _, found, below = page.read_text("utf-8").partition(f"\n{heading}\n")
    assert found, f"{page.name} has no heading {heading!r}"
    lines = iter(below.splitlines())
    table = [next(line for line in lines if line.startswith("|"))]
    for line in lines:
        if not line.startswith("|"):
            break
        table.append(line)
    titles, _, *rows = [_cells(line) for line in table]
    return [dict(zip(titles, row, strict=True)) for row in rows]


def _cells(line: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in _CELL_BORDER.split(line)[1:-1]]


def codes(cell: str) -> list[str]:
    """Return what stands in a cell as code, in its order."""
    return _CODE.findall(cell)


def code(cell: str) -> str | None:
    """Return the one piece of code that a cell is; None for a dash."""
    if cell == "–":
        return None
    (text,) = codes(cell)
    return text
