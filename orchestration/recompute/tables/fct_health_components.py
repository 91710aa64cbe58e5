"""What every component of a health score was read from, what it came to and what it added."""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from orchestration.recompute.health import SCORE_DIGITS
from orchestration.recompute.tables._cells import amount, first_day
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every scored customer, month and component."""
    for health in world.health:
        for name, score in health.components.items():
            weight, value = health.weights[name], health.inputs[name]
            yield (
                health.customer_id,
                first_day(health.month),
                name,
                health.version,
                None if value is None else amount(value, 10),
                None if score is None else amount(Fraction(score, 10**SCORE_DIGITS)),
                amount(weight),
                None if score is None else amount(contribution(weight, score, health.coverage), 10),
            )


@lru_cache(maxsize=1 << 16)
def contribution(weight: Fraction, score: int, coverage: Fraction) -> Fraction:
    """Give what a component adds to the score's distance from 50; those of a customer sum to it."""
    return weight * (Fraction(score, 10**SCORE_DIGITS) - 50) / coverage
