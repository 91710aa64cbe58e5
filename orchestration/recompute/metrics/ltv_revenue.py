"""ARPA x average lifetime in months, without gross margin."""

from collections.abc import Iterator
from fractions import Fraction

from orchestration.recompute.metrics._lifetime import lifetime_value
from orchestration.recompute.rows import Row
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return lifetime_value(world, lambda month: Fraction(1))
