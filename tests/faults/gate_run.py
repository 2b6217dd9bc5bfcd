"""What one run of a project's gate came to, and what every run that fails must keep to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN_TRACES = ("Traceback", "pytest_modelgate/", "During handling", "direct cause", "INTERNALERROR")
"""What a traceback of the plugin's own would leave in the output."""


@dataclass(frozen=True)
class GateRun:
    """What one run of pytest came to.

    :ivar output: stdout and stderr, as one text.
    :ivar report: the JSON report, None where none was written.
    :ivar leftovers: processes and containers of the project's servers that outlived the run.
    :ivar baseline_changed: whether any file under ``baselines/`` is another than before.
    """

    exit_code: int
    output: str
    elapsed_s: float
    report: dict[str, Any] | None
    leftovers: tuple[str, ...]
    baseline_changed: bool

    def assert_one_message(self, *phrases: str) -> None:
        """Check that the one test failed with one message that has these phrases in this order.

        And that nothing is left of the server, and the baseline is as it was.
        """
        assert self.exit_code == 1, self.output
        assert self.message.count("modelgate: ") == 1, self.output
        place = 0
        for phrase in phrases:
            place = self.message.find(phrase, place)
            assert place >= 0, f"{phrase!r} is not there, or not in its place:\n{self.output}"
        assert not [trace for trace in OWN_TRACES if trace in self.output], self.output
        assert self.report is not None
        assert self.report["verdict"] != "pass"
        self.assert_nothing_left()

    def assert_nothing_left(self) -> None:
        """Check that no server outlived the run, and that the baseline is as it was."""
        assert self.leftovers == ()
        assert not self.baseline_changed

    @property
    def message(self) -> str:
        """What pytest shows of the failure."""
        sections = re.split(r"^=+ (\S.*?) =+$", self.output, flags=re.MULTILINE)
        titled = dict(zip(sections[1::2], sections[2::2], strict=True))
        return titled.get("FAILURES", "") + titled.get("ERRORS", "")

    def metric(self, name: str) -> Mapping[str, Any]:
        """Return a metric of the only gate."""
        return next(metric for metric in self.gate["metrics"] if metric["name"] == name)

    @property
    def gate(self) -> Mapping[str, Any]:
        """The only gate of the report."""
        assert self.report is not None, self.output
        (gate,) = self.report["gates"]
        return gate
