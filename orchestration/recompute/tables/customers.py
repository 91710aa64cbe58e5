"""Who was recomputed."""

from collections.abc import Iterator

from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer that was looked at."""
    for customer_id in sorted(world.customers):
        yield (customer_id,)
