"""MRR that is known to end or to begin after the as-of date."""

from collections import defaultdict
from collections.abc import Iterator

from orchestration.recompute.clock import month_of
from orchestration.recompute.ledger import FOREVER
from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer and month ahead in which something is known to end or to begin."""
    clock, ledger = world.clock, world.ledger
    known: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for customer_id in world.payers:
        for holding in ledger.held(customer_id, clock.as_of_month):
            end = world.service_ends[holding.span.terms.subscription_id]
            if end != FOREVER and clock.local_day(end) > clock.as_of:
                known[customer_id, month_of(clock.local_day(end))][0] += ledger.worth(holding, clock.as_of_month)

    firsts, begun = {}, set()
    for span in world.spans_in_force:
        terms = span.terms
        if clock.local_day(span.start) <= clock.as_of:
            begun.add(terms.subscription_id)
        order = (span.start, terms.version_id)
        if span.line > 0 and (terms.item_id not in firsts or order < firsts[terms.item_id][0]):
            firsts[terms.item_id] = (order, span)
    for _, span in firsts.values():
        terms = span.terms
        is_known = world.versions[terms.version_id]["recorded_at"] is not None
        if terms.subscription_id in begun or not is_known or terms.customer_id not in world.customers:
            continue
        rate = ledger.rates.known(terms.currency, clock.as_of_month)
        if rate is not None:
            start = month_of(clock.local_day(span.start))
            known[terms.customer_id, start][1] += span.mrr(rate, ledger.minor_units)
    for (customer_id, month), amounts in known.items():
        if any(amounts):
            yield customer_id, first_day(month), *(money(world, amount) for amount in amounts)
