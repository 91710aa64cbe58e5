"""Features of high value used by the customers asked / those customers x such features there are."""

from collections.abc import Iterator

from orchestration.recompute.metrics._asked import usage_rows
from orchestration.recompute.rows import Row
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return usage_rows(world, world.usage.high_value_features, world.usage.high_value_count, "no_features")
