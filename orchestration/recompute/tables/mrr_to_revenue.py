"""MRR of every day of a month beside the revenue that the ledger recognises in it."""

from collections.abc import Iterator

from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World

TOTAL = "total"


def rows(world: World) -> Iterator[tuple]:
    """Give every month and currency, and everything of the month together."""
    tie_outs = world.tie_outs
    weighted, booked = tie_outs.weighted_by_currency(), tie_outs.recognised()
    for month in world.months:
        currencies = sorted({name for at, name in weighted.keys() | booked.keys() if at == month})
        mine = [booked[month, name] for name in currencies if (month, name) in booked]
        everything = sum(weighted.get((month, name), 0) for name in currencies), sum(mine) if mine else None
        parts = {name: (weighted.get((month, name), 0), booked.get((month, name))) for name in currencies}
        for name, (mrr, revenue), is_total in (
            *((name, part, False) for name, part in parts.items()),
            (TOTAL, everything, True),
        ):
            tolerance = tie_outs.tolerance("mrr_to_revenue", mrr)
            difference = None if revenue is None else mrr - revenue
            is_late = difference is not None and abs(difference) > tolerance
            is_breach = is_total and world.clock.is_complete(month) and is_late
            severity = ("error" if month in world.closed.months else "warn") if is_breach else None
            amounts = (money(world, amount) for amount in (mrr, revenue, difference, tolerance))
            yield first_day(month), is_total, name, severity, *amounts, is_breach
