"""One error rate for the whole build, shared out over all its metrics."""

from __future__ import annotations


def per_metric_alpha(build_alpha: float, metrics: int) -> float:
    """Return each metric's share: Bonferroni's, ``build_alpha / metrics``.

    Not Šidák's, which gains next to nothing (1 % over 10 metrics: 0.1005 % instead of 0.1 %) and
    asks for independence; the metrics of one server are anything but independent. Fewer than one
    metric counts as one.
    """
    return build_alpha / max(metrics, 1)
