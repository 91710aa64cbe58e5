"""The roll-forward of every customer from its first month with MRR, and why it left."""

from collections.abc import Iterator

from orchestration.recompute.churn import Churns
from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World

MOVEMENTS = ("new", "reactivation", "expansion", "contraction", "churn")


def rows(world: World) -> Iterator[tuple]:
    """Give every customer and month."""
    churns = Churns(world)
    for row in world.account_months:
        held = world.ledger.held(row.customer_id, row.month)
        reason, cancel_reason = None, None
        if row.movement_type == "churn":
            reason, cancel_reason = churns.reason(row.customer_id, row.month)
        list_mrr = sum(world.ledger.list_worth(holding, row.month) for holding in held)
        amounts = (row.opening, *map(row.amount, MOVEMENTS), row.fx, row.closing, list_mrr)
        yield (
            row.customer_id,
            first_day(row.month),
            row.movement_type,
            reason,
            cancel_reason,
            *(money(world, amount) for amount in amounts),
            any(holding.is_paused for holding in held),
        )
