"""Items whose MRR of a closed month is another one today, and why."""

from collections.abc import Iterator

from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer, closed month, item and reason."""
    for change in world.restatements.items:
        yield (
            change.customer_id,
            first_day(change.close.month),
            change.item_id,
            change.reason,
            change.version_id,
            change.close.number,
            money(world, change.amount),
        )
