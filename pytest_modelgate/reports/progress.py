"""What is going on right now, on one line of a terminal; nothing elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import TextIO


class Progress(Protocol):
    """Is told what goes on. Called between requests: an implementation must be quick and rare."""

    def step(self, text: str) -> None:
        """Say what begins now."""

    def requests(self, completed: int, total: int | None) -> None:
        """Say how far the load has come; ``total`` is unknown where the window is a time."""

    def done(self) -> None:
        """Take the line away."""


class NoProgress:
    """For logs, CI and pipes: silence."""

    def step(self, text: str) -> None:
        """Say nothing."""

    def requests(self, completed: int, total: int | None) -> None:
        """Say nothing."""

    def done(self) -> None:
        """Nothing was said."""


class TerminalProgress:
    """A rich progress bar without its refresh thread, which would take the GIL from the client."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("[bold]modelgate[/] {task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            console=Console(file=stream),
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._shown = False

    def step(self, text: str) -> None:
        """Say what begins now."""
        # A new task, for an update cannot make a total unknown again.
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(text, total=None)
        if self._shown:
            self._bar.refresh()
        else:
            # Off the line on which pytest is writing its dots.
            self._bar.console.print()
            self._bar.start()
            self._shown = True

    def requests(self, completed: int, total: int | None) -> None:
        """Say how far the load has come."""
        self._bar.update(self._task, completed=completed, total=total, refresh=True)

    def done(self) -> None:
        """Take the bar away."""
        if self._shown:
            self._bar.stop()
            self._shown = False
