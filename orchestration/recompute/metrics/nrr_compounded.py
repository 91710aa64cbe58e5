"""Product of the twelve monthly NRRs up to the month, rounded once."""

from collections.abc import Iterator

from orchestration.recompute.metrics._compounded import compounded
from orchestration.recompute.rows import Row
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment; segments are those of the yearly window."""
    return compounded(world, "nrr_monthly")
