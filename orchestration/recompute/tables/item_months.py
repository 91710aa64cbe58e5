"""Every item in force at a month end, with all that its MRR is made of."""

from collections.abc import Iterator

from orchestration.recompute.clock import FAR
from orchestration.recompute.ledger import FOREVER
from orchestration.recompute.tables._cells import amount, first_day, money
from orchestration.recompute.world import World

TERMS = ("product_id", "billing_interval", "currency", "interval_count")


def rows(world: World) -> Iterator[tuple]:
    """Give every item and month end."""
    clock = world.clock
    for customer_id, months in world.ledger.holdings.items():
        for month, held in months.items():
            for holding in held if month in world.months else ():
                terms = holding.span.terms
                version = world.versions[terms.version_id]
                last = clock.end_of(month)
                begun = [piece for piece in world.own_spans[terms.version_id] if clock.local_day(piece[0]) <= last]
                start, end = max(begun)
                end_day = FAR if end == FOREVER else clock.local_day(end)
                # Over a gap it is carried by a renewal that comes after it has ended.
                service_end, renewal = world.renewals.get(terms.subscription_id, (None, None))
                is_carried = service_end == end < renewal and end_day <= last if renewal else False
                yield (
                    terms.item_id,
                    first_day(month),
                    customer_id,
                    terms.version_id,
                    terms.subscription_id,
                    world.account_of_subscription[terms.subscription_id],
                    *(version[name] for name in TERMS),
                    amount(terms.quantity),
                    amount(terms.unit_amount, 12),
                    amount(terms.discount),
                    amount(world.ledger.rates.at(terms.currency, month), 8),
                    money(world, world.ledger.list_worth(holding, month)),
                    money(world, world.ledger.worth(holding, month)),
                    holding.is_paused,
                    start,
                    end if end_day <= clock.as_of else None,
                    version["recorded_at"],
                    clock.local_day(renewal) if is_carried and renewal is not None else None,
                )
