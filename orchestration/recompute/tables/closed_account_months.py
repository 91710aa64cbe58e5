"""What was locked of every customer, beside what it comes to today."""

from collections.abc import Iterator

from orchestration.recompute.clock import day_of, month_of
from orchestration.recompute.tables._cells import money
from orchestration.recompute.world import World

BEFORE = (
    "plan_tier",
    "size_band",
    "industry",
    "country",
    "plan_rates",
    "member_accounts",
    "policy_version",
    "row_hash",
    "entry_number",
    "line_number",
    "opening_mrr",
    "closing_mrr",
    "cohort_opening_mrr",
    "cohort_closing_mrr",
)


def rows(world: World) -> Iterator[tuple]:
    """Give every customer of every closed month."""
    for row in world.closed.rows("account_months"):
        customer_id, on = row["account_id"], day_of(row["month"])
        if customer_id in world.customers or not world.is_sample:
            live = world.ledger.mrr(customer_id, month_of(on))
            yield customer_id, on, *(row[name] for name in BEFORE), money(world, live)
