"""The end of a session: all gates' results together, reported, and whether it may be green."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_modelgate import __version__
from pytest_modelgate.baselines.machine import git_provenance, machine_conditions
from pytest_modelgate.errors import ModelgateError
from pytest_modelgate.gate import unfinished
from pytest_modelgate.reports.json_report import session_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_modelgate.config.specs import Settings
    from pytest_modelgate.registry import Hooks


@dataclass(frozen=True)
class Closing:
    """What a session came to.

    :ivar report: ``modelgate-report/1``.
    :ivar lines: what the report hooks have to say.
    :ivar failed: whether the session must not be green although no test item failed.
    """

    report: Mapping[str, object]
    lines: tuple[str, ...]
    failed: bool


def close_session(
    gates: Mapping[str, Mapping[str, object]],
    expected: Iterable[str],
    settings: Settings,
    hooks: Hooks,
) -> Closing:
    """Put the gates' results together and hand them to every report.

    :param gates: node id → the gate's JSON-able result.
    :param expected: the node ids of all gates that were selected.
    """
    missing = [
        unfinished(test=nodeid, server="", reason="did not run")
        for nodeid in sorted(set(expected) - set(gates))
    ]
    results = [*gates.values(), *missing]
    report = session_report(results, _environment(settings))
    # An xfail excuses a verdict, but not that there is none.
    unmeasured = not results or any(not gate["metrics"] for gate in results)
    failed = unmeasured and settings.inconclusive == "fail"
    try:
        said = hooks.pytest_modelgate_report(report=report, settings=settings)
    except ModelgateError as error:
        return Closing(report, tuple(str(error).splitlines()), failed=True)
    except Exception as error:  # noqa: BLE001 - any plugin's; it must not take the verdicts away
        return Closing(report, (f"a report could not be made: {error!r}",), failed=True)
    lines = [line for text in said for line in text.splitlines()]
    if not results:
        lines.insert(0, "nothing was gated: no selected test carries @pytest.mark.modelgate(…)")
    return Closing(report, tuple(lines), failed)


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **machine_conditions(),
        **git_provenance(settings.root),
        "python": platform.python_version(),
        "pytest_modelgate": __version__,
    }
