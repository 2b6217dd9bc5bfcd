from __future__ import annotations

import pytest

from pytest_modelgate.stats.sharing import per_metric_alpha


@pytest.mark.parametrize(("metrics", "alpha"), [(0, 0.01), (1, 0.01), (2, 0.005), (10, 0.001)])
def test_metrics_share_the_builds_error_rate_evenly(metrics: int, alpha: float) -> None:
    assert per_metric_alpha(0.01, metrics) == pytest.approx(alpha)
