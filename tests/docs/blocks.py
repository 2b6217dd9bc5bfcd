"""The code blocks of a Markdown page, and what each kind of block means when it is executed.

The info string after the language says what a block is for (a reader does not see it):

- ``toml file=NAME``, ``python file=NAME``: written into the page's project, in their order.
- ``console``: ``$ COMMAND`` lines are run by a shell in the project; the lines below a command are
  what its output must contain, in order, ``…`` standing for anything. ``exit=N`` is the exit code
  of the block's last command, 0 unless given; ``cwd=repository`` runs it in a checkout instead.
- ``python``, without a name: run as a script in the project.
- ``toml``, without a name: parsed. ``json schema=FILE``: parsed and validated. ``yaml``: parsed.
- ``text``: a picture of something; not executed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FENCE = re.compile(r"^```(\w+)(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"(\w+)=(\S+)")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    :ivar line: where its content begins in the page, counted from 1.
    """

    page: str
    line: int
    language: str
    options: Mapping[str, str]
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_for_checkout(self) -> bool:
        """Tell whether it is to be executed in a checkout of this repository."""
        return self.options.get("cwd") == "repository"


@dataclass(frozen=True)
class Command:
    """One command of a console block and the lines its output must contain."""

    line: str
    output: tuple[str, ...]


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield a page's blocks, in order."""
    text = page.read_text("utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start(3)) + 1
        options = dict(_OPTION.findall(match[2]))
        yield Block(page.name, line, match[1], options, match[3])


def fences(page: Path) -> int:
    """Count a page's fence lines: twice its blocks, or a block has escaped the pattern."""
    return sum(line.lstrip().startswith("```") for line in page.read_text("utf-8").splitlines())


def commands_of(block: Block) -> list[Command]:
    """Split a console block into its commands."""
    commands: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            commands.append(Command(line[2:].partition("  #")[0].strip(), ()))
        elif line.strip():
            last = commands[-1]
            commands[-1] = Command(last.line, (*last.output, line))
    return commands


def missing_line(expected: tuple[str, ...], output: str) -> str | None:
    """Return the first expected line that does not follow in the output, None if all do."""
    lines = iter(output.splitlines())
    for wanted in expected:
        pattern = ".*".join(re.escape(part.strip()) for part in wanted.split("…"))
        if not any(re.search(pattern, line) for line in lines):
            return wanted
    return None
