"""Customers whose MRR of a closed month is another one today, and why."""

from collections.abc import Iterator

from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer, closed month and reason."""
    for change in world.restatements.accounts():
        yield (
            change.customer_id,
            first_day(change.close.month),
            change.reason,
            change.close.number,
            change.item_count,
            money(world, change.locked),
            money(world, change.live),
            money(world, change.amount),
        )
