"""Days of 28 with a core event / customers with MRR that are old enough to be asked."""

from collections.abc import Iterator

from orchestration.recompute.metrics._asked import usage_rows
from orchestration.recompute.rows import Row
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return usage_rows(world, world.usage.core_days)
