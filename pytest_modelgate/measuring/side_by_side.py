"""Settle side by side what a stored comparison leaves open."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_modelgate.errors import BaselineServerError
from pytest_modelgate.measuring.duel import Duel, paired_load
from pytest_modelgate.runs import SideBySide
from pytest_modelgate.servers.baseline_server import baseline_server
from pytest_modelgate.servers.launch import expect_same_launch
from pytest_modelgate.verdict import is_settled, to_settle

if TYPE_CHECKING:
    from pytest_modelgate.baselines.record import Baseline
    from pytest_modelgate.config.markers import GateSpec
    from pytest_modelgate.config.specs import Settings
    from pytest_modelgate.load.workload import Workload
    from pytest_modelgate.measuring.rig import Rig
    from pytest_modelgate.metrics import Metrics
    from pytest_modelgate.runs import Measurement, Round


def settled_side_by_side(
    rig: Rig,
    gate: GateSpec,
    workload: Workload,
    measurement: Measurement,
    baseline: Baseline,
    *,
    settings: Settings,
    metrics: Metrics,
    alpha: float,
) -> Measurement:
    """Add rounds beside the baseline's server, where they are asked for and it can be had.

    Where it cannot, the measurement says why.

    :param alpha: error allowed to each proof of a breach.
    :raises ModelgateError: the candidate failed in a round.
    """
    if settings.side_by_side == "never":
        return measurement
    always = settings.side_by_side == "always"
    names = to_settle(
        gate.thresholds, measurement, baseline, metrics=metrics, alpha=alpha, always=always
    )
    if not names:
        return measurement
    asked = SideBySide(names, always=always)
    load = paired_load(gate.load, measurement.runs, names)
    made: list[Round] = []
    try:
        expect_same_launch(rig.spec, baseline.provenance, measurement.provenance)
        with baseline_server(rig.spec, baseline.provenance, root=rig.root) as spec:
            found = Duel(replace(rig, spec=spec), rig, gate, workload, load, made).settle(
                asked,
                is_settled=functools.partial(
                    is_settled, gate.thresholds, measurement, metrics=metrics, alpha=alpha
                ),
                budget_s=settings.budget_s,
            )
    except BaselineServerError as error:
        obstacle = f"not settled side by side: {error.brief}"
        found = replace(asked, rounds=tuple(made), obstacle=obstacle)
    return replace(measurement, side_by_side=found)
