"""Of the contracts that end in a month, those that are renewed."""

from collections.abc import Iterator

from orchestration.recompute.metrics._renewals import renewal_rows
from orchestration.recompute.rows import Row
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return renewal_rows(world, lambda sums: sums.renewed, lambda sums: sums.contracts)
