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
    by_id = {row["contract_id"]: row for row in rows}
    pairs = {(row["renews_contract_id"], row["contract_id"]) for row in rows}
    # Several contracts renewed as one: pairs of subscriptions that are contracts by the same ids.
    pairs |= {
        (row["replaces_subscription_id"], row["subscription_id"])
        for row in world.accepted["subscription_replacements"].to_pylist()
    }
    # What each contract renews, in the order of the ids: of the same customer, and begun soon enough after the end.
    renewed = defaultdict(list)
    for old, new in sorted(pair for pair in pairs if pair[0] in by_id and pair[1] in by_id and pair[0] != pair[1]):
        ended, renewal = by_id[old], by_id[new]
        is_in_time = day_of(renewal["start_date"]) <= day_of(ended["end_date"]) + wait
        if ended["customer_id"] == renewal["customer_id"] and is_in_time:
            renewed[new].append(ended)
    spans = defaultdict(list)
    for span in world.ledger.spans:
        spans[span.terms.customer_id].append(span)

    def has_mrr(customer_id: str, day: int) -> bool:
        return any(
            span.holds(day) and world.ledger.pays(span, month_of(day)) and not world.ledger.is_paused(span, day)
            for span in spans[customer_id]
        )

    def minor(contract: dict, month: int) -> int:
        rate = rates.at(contract["currency"], month)
        return rounded(Fraction(contract["annual_amount"]) * rate * world.seeds.minor_units)

    # Of what renews several contracts each goes on by its part of their sum; the parts sum to the whole.
    parts: dict[str, int] = defaultdict(int)
    for new, olds in renewed.items():
        for position, old in enumerate(olds):
            month = month_of(day_of(old["end_date"]))
            if month in world.months:
                weights = [minor(other, month) for other in olds]
                upto = [Fraction(sum(weights[:count]), sum(weights) or 1) for count in (position, position + 1)]
                before, so_far = (rounded(minor(by_id[new], month) * share) for share in upto)
                parts[old["contract_id"]] += so_far - before

    tally = Tally(world.months, Renewals)
    for row in rows:
        customer_id, end = row["customer_id"], day_of(row["end_date"])
        month = month_of(end)
        if month not in world.months:
            continue
        amount, goes_on = minor(row, month), row["auto_renew"] and has_mrr(customer_id, end + wait)
        following = parts.get(row["contract_id"])
        kept = amount * goes_on if following is None else min(amount, following)
        is_renewed = following is not None or goes_on
        tally.add(month, world.segments.of(customer_id, month), 1, int(is_renewed), amount, kept)
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
