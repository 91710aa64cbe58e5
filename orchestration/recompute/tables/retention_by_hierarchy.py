"""Retention by the hierarchy of a window's start beside today's."""

from collections.abc import Iterator

from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer, month and length of window."""
    changes = {(change.customer_id, change.month, change.window): change for change in world.hierarchy_differences}
    windows = {
        (kept.customer_id, kept.month, months): (kept.opening, kept.closing)
        for months, found in ((1, world.monthly_windows), (12, world.yearly_windows))
        for kept in found
    }
    for key in windows.keys() | changes.keys():
        (customer_id, month, months), change = key, changes.get(key)
        opening, closing = windows.get(key, (0, 0))
        then = closing + (change.amount if change else 0)
        amounts = (money(world, amount) for amount in (opening, then, opening, closing))
        yield customer_id, first_day(month), months, change and change.cause, *amounts
