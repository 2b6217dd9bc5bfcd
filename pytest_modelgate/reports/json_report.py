"""The session as ``modelgate-report/1``: the JSON that users and tools rely on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_modelgate.errors import ModelgateError
from pytest_modelgate.verdict import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SCHEMA = "modelgate-report/1"


def session_report(
    gates: Sequence[Mapping[str, object]], environment: Mapping[str, str]
) -> dict[str, object]:
    """Put the gates' results together; a session that gated nothing is inconclusive.

    :param gates: JSON-able, as ``GateVerdict.to_json`` makes them.
    """
    verdicts = [Verdict(str(gate["verdict"])) for gate in gates]
    return {
        "schema": SCHEMA,
        "verdict": worst(verdicts or [Verdict.INCONCLUSIVE]).value,
        "gates": list(gates),
        "environment": dict(environment),
    }


def write_json_report(report: Mapping[str, object], path: Path) -> str:
    """Write the report and return the line that says where it is.

    :raises ModelgateError: the file cannot be written.
    """
    text = json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelgateError(
            f"the JSON report cannot be written to {path}",
            got=error.strerror or str(error),
            hint="give --modelgate-json a path that can be written",
        ) from error
    return f"JSON report: {path}"
