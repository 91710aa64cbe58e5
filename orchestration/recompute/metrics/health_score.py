"""Mean health score of the customers with one."""

from collections.abc import Iterator
from fractions import Fraction

from orchestration.recompute.health import SCORE_DIGITS
from orchestration.recompute.rows import Row, ratio_rows
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return ratio_rows(
        world.health_cells,
        numerator=lambda sums: Fraction(sums.score, 10**SCORE_DIGITS),
        denominator=lambda sums: sums.customers,
        sample=lambda sums: sums.customers,
    )
