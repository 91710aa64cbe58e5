"""Customers, when they began to pay and when they first stopped."""

from collections.abc import Iterator

from orchestration.recompute.tables._cells import day, first_day
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer."""
    for row in world.accepted["accounts"].to_pylist():
        customer_id = row["account_id"]
        if customer_id not in world.customers:
            continue
        life, first = world.lives.get(customer_id), world.first_paid.get(customer_id)
        yield (
            customer_id,
            row["account_name"],
            row["industry"] or "unknown",
            row["country"] or "unknown",
            row["billing_currency"],
            row["employee_count"],
            life and day(life.start_day),
            life and day(life.first_zero_day),
            None if first is None else first_day(first),
        )
