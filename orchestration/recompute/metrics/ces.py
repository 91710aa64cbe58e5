"""Share of 5 to 7 among CES answers."""

from collections.abc import Iterator
from functools import partial

from orchestration.recompute.metrics._answers import mean_points
from orchestration.recompute.rows import Row
from orchestration.recompute.world import World


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    return mean_points(world, partial(world.surveys.between, "ces"), lambda score: int(score >= 5))
