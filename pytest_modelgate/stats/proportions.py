"""How sure one can be of a rate of failure."""

from __future__ import annotations

from scipy.special import betaincinv


def proportion_interval(
    events: int, trials: int, *, low_confidence: float, high_confidence: float
) -> tuple[float, float]:
    """Bound a probability from ``events`` out of ``trials``, each bound one-sided.

    Clopper and Pearson's exact bounds (*Biometrika* 26, 1934), by way of the beta distribution.
    Raises ValueError if there were no trials.
    """
    if not 0 <= events <= trials or trials == 0:
        raise ValueError(f"{events} of {trials} is no proportion")
    low = float(betaincinv(events, trials - events + 1, 1 - low_confidence)) if events else 0.0
    high = (
        float(betaincinv(events + 1, trials - events, high_confidence)) if events < trials else 1.0
    )
    return low, high
