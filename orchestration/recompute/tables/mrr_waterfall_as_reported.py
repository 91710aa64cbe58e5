"""The same at month-end rates, from the first month that has any."""

from collections.abc import Iterator

from orchestration.recompute.tables.mrr_waterfall import waterfall
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every month and segment that is reported."""
    reported = sorted({row.month for row in world.reported_months})
    if reported:
        yield from waterfall(world, world.reported_months, range(reported[0], reported[-1] + 1))
