"""Every version of an item in every month in which it is in force on some day."""

from collections.abc import Iterator

from orchestration.recompute.tables._cells import amount, first_day, money
from orchestration.recompute.world import YEAR, World


def rows(world: World) -> Iterator[tuple]:
    """Give every version and month."""
    ledger, clock, rates, tie_outs = world.ledger, world.clock, world.ledger.rates, world.tie_outs
    for spans, month, days in tie_outs.served():
        last = clock.end_of(month)
        span = next((span for span in spans if span.holds(last)), spans[0])
        terms, is_in_force = span.terms, span.holds(last)
        version = world.versions[terms.version_id]
        is_counted = is_in_force and not ledger.is_paused(span, last)
        later = None
        if month + YEAR in world.months:
            later = span.mrr(rates.at(terms.currency, month + YEAR), ledger.minor_units) if is_counted else 0
        yield (
            terms.customer_id,
            terms.version_id,
            first_day(month),
            terms.item_id,
            terms.subscription_id,
            terms.product_id,
            terms.family,
            version["billing_interval"],
            version["discount_kind"],
            terms.currency,
            version["interval_count"],
            days,
            version["quantity"],
            version["unit_amount"],
            version["discount_amount"],
            amount(rates.at(terms.currency, month), 8),
            money(world, span.mrr(rates.at(terms.currency, month), ledger.minor_units) if is_counted else 0),
            money(world, later),
            money(world, tie_outs.limited(span, month) if is_counted else 0),
            money(world, tie_outs.day_weighted(span, month, days)),
            is_in_force,
        )
