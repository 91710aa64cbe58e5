"""Contracts that have ended, and what of them goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

from orchestration.recompute.clock import day_of, month_of
from orchestration.recompute.rows import Amount, Row, Tally, ratio_rows
from orchestration.recompute.settings import rounded
from orchestration.recompute.world import World


class Renewals(NamedTuple):
    """Contracts, how many of them are renewed, and their amounts in minor units."""

    contracts: int
    renewed: int
    ended_amount: int
    renewed_amount: int


def renewals(world: World) -> Tally:
    """Add up the contracts that end in each month."""
    wait, rates = world.seeds.whole("renewal_days"), world.ledger.rates
    rows = [
        row | {"customer_id": world.root_of[row["account_id"]]}
        for row in world.accepted["contracts"].to_pylist()
        if row["account_id"] in world.root_of and day_of(row["start_date"]) <= world.clock.as_of
    ]
    followers = defaultdict(list)
    for row in rows:
        if row["renews_contract_id"] != row["contract_id"]:
            followers[row["renews_contract_id"], row["customer_id"]].append(row)
    spans = defaultdict(list)
    for span in world.ledger.spans:
        spans[span.terms.customer_id].append(span)

    def has_mrr(customer_id: str, day: int) -> bool:
        return any(
            span.holds(day) and world.ledger.pays(span, month_of(day)) and not world.ledger.is_paused(span, day)
            for span in spans[customer_id]
        )

    tally = Tally(world.months, Renewals)
    for row in rows:
        customer_id, end = row["customer_id"], day_of(row["end_date"])
        month = month_of(end)
        if month not in world.months:
            continue

        def minor(contract: dict, month: int = month) -> int:
            rate = rates.at(contract["currency"], month)
            return rounded(Fraction(contract["annual_amount"]) * rate * world.seeds.minor_units)

        following = [
            other for other in followers[row["contract_id"], customer_id] if day_of(other["start_date"]) <= end + wait
        ]
        amount, goes_on = minor(row), row["auto_renew"] and has_mrr(customer_id, end + wait)
        renewed = min(amount, sum(map(minor, following))) if following else amount * goes_on
        tally.add(month, world.segments.of(customer_id, month), 1, int(bool(following) or goes_on), amount, renewed)
    return tally


def renewal_rows(
    world: World, numerator: Callable[[Renewals], Amount], denominator: Callable[[Renewals], Amount]
) -> Iterator[Row]:
    """Give a rate by month and segment, null while a month's contracts may still be renewed."""
    wait = world.seeds.whole("renewal_days")
    rows = ratio_rows(
        renewals(world).cells(), numerator, denominator, lambda sums: sums.contracts, reason="no_contracts"
    )
    for row in rows:
        is_known = world.clock.is_complete(row.month) and world.clock.end_of(row.month) + wait <= world.clock.as_of
        yield row if is_known else row._replace(numerator=None, denominator=None, value=None, null_reason="not_matured")
