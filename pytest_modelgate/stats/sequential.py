"""When to look at the rounds of a comparison side by side, with one honest error rate.

Whoever looks after every round and stops at the first proof is wrong far more often than each
look says. So the error rate is spent look by look: alpha spending (Lan and DeMets, *Biometrika* 70,
1983) in its simplest form. By Boole's inequality the parts add up to no more than the whole,
whatever the looks have in common, and Student's interval is exact however few the rounds.
Boundaries that use how the looks depend on each other (Pocock, O'Brien and Fleming) would be a few
per cent narrower, but are approximations at three rounds, where a doubled latency can be proven.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARES: Mapping[int, float] = {
    3: 0.02, 4: 0.03, 6: 0.10, 8: 0.15, 11: 0.20, 15: 0.20, 20: 0.15, 27: 0.10, 36: 0.05
}  # fmt: skip
"""Rounds after which the answer is looked for → the share of the error that this look may spend.

Ever more rarely, as each round adds ever less. Little is spent early: a critical value at two
degrees of freedom is so large that only what is glaring is proven, and that needs no large share.
"""

LEAST_ROUNDS, MOST_ROUNDS = min(SHARES), max(SHARES)


def is_look(rounds: int) -> bool:
    """Tell whether the answer is looked for after so many rounds."""
    return rounds in SHARES


def alpha_of_look(alpha: float, rounds: int) -> float:
    """Return the error that the look after so many rounds may spend of the whole.

    A look between two of the plan, because the time is over, takes the place of the next: when the
    time is over is no matter of what the rounds showed, and so nothing is spent twice.

    :raises ValueError: for more rounds than the plan has.
    """
    planned = next((number for number in SHARES if number >= rounds), None)
    if planned is None:
        raise ValueError(f"{rounds} rounds, and no look is planned after {MOST_ROUNDS}")
    return alpha * SHARES[planned]
