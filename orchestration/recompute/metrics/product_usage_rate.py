"""Core features used by the customers asked / those customers x core features there are."""

from collections.abc import Iterator

from orchestration.recompute.metrics._asked import usage_rows
from orchestration.recompute.rows import Row
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return usage_rows(world, world.usage.core_features, world.usage.core_count, "no_features")
