"""Segments and touch model of every customer in every month."""

from collections.abc import Iterator

from orchestration.recompute.tables._cells import first_day
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer and month, those included in which it pays nothing."""
    for customer_id in world.customers:
        for month in world.months:
            yield (
                customer_id,
                first_day(month),
                *world.segments.of(customer_id, month),
                world.touch_models.of(customer_id, month),
            )
