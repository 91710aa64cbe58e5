"""Accounts of the revenue ledger, and which of them hold recurring revenue."""

from collections import defaultdict
from collections.abc import Iterator

from orchestration.recompute.clock import day_of
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every account that the ledger names, letter by letter."""
    periods = defaultdict(list)
    for row in world.everybodys["revenue_ledger"].to_pylist():
        if day_of(row["period"]) <= world.clock.as_of:
            periods[row["ledger_account"]].append(day_of(row["period"]))
    for name, days in periods.items():
        yield name, name in world.seeds.recurring_ledger_accounts, len(days), min(days), max(days)
