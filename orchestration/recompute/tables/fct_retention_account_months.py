"""What became of every customer of a window's cohort, for windows of one and of twelve months."""

from collections.abc import Iterator

from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer, month and length of window; a lapse inside is only looked for in a year."""
    for months, windows in ((1, world.monthly_windows), (12, world.yearly_windows)):
        for kept in windows:
            yield (
                kept.customer_id,
                first_day(kept.month),
                months,
                money(world, kept.opening),
                money(world, kept.closing),
                money(world, kept.retained),
                money(world, kept.uplift),
                kept.closing > 0,
                kept.has_lapsed,
            )
