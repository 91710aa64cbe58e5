"""MRR from month to month by the segments of each month's start."""

from collections.abc import Iterator
from typing import NamedTuple

from orchestration.recompute.movements import AccountMonth
from orchestration.recompute.rows import TOTAL, Tally
from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World

MOVEMENTS = ("new", "reactivation", "expansion", "contraction", "churn")


class Waterfall(NamedTuple):
    """The lines of a month and segment, in minor units."""

    segment_transfer: int
    opening: int
    new: int
    reactivation: int
    expansion: int
    contraction: int
    churned: int
    fx: int
    closing: int


def rows(world: World) -> Iterator[tuple]:
    """Give every month and segment in which anything stands or moves, and every month's total."""
    yield from waterfall(world, world.account_months, world.months)


def waterfall(world: World, account_months: list[AccountMonth], months: range) -> Iterator[tuple]:
    """Add up a roll-forward; who changed segment takes its opening from the one to the other."""
    tally = Tally(months, Waterfall)
    for row in account_months:
        segments = world.segments.of(row.customer_id, row.month)
        amounts = row.opening, *map(row.amount, MOVEMENTS), row.fx, row.closing
        tally.add(row.month, segments, row.opening if row.month > months[0] else 0, *amounts)
        if row.month + 1 in months:
            tally.add(row.month + 1, segments, -row.closing, *[0] * 8)
    for month, segment_type, segment_value, sums in tally.cells():
        if segment_type == TOTAL or any(sums):
            yield first_day(month), segment_type, segment_value, *(money(world, amount) for amount in sums)
