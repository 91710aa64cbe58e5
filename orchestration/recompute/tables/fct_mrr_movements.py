"""Every movement with its reasons; the amounts of a customer and month sum to closing less opening."""

from collections.abc import Iterator

from orchestration.recompute.movements import movement_rows
from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer, month, movement and reason."""
    for customer_id, month, kind, reason, amount in movement_rows(world.ledger, world.account_months):
        yield customer_id, first_day(month), kind, reason, money(world, amount)
