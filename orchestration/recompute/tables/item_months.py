"""Every item in force at a month end, with all that its MRR is made of."""

from collections.abc import Iterator

from orchestration.recompute.ledger import FOREVER
from orchestration.recompute.tables._cells import amount, day, first_day, money
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
                start, end = world.own_spans[terms.version_id]
                end_day = None if end == FOREVER else clock.local_day(end)
                has_ended = end_day is not None and end_day <= clock.as_of
                renewal = world.late_renewals.get(terms.subscription_id)
                is_carried = renewal is not None and end_day is not None and end_day <= clock.end_of(month)
                yield (
                    terms.item_id,
                    first_day(month),
                    customer_id,
                    terms.version_id,
                    terms.subscription_id,
                    world.account_of_subscription[terms.subscription_id],
                    *(version[name] for name in TERMS),
                    amount(terms.quantity),
                    amount(terms.unit_amount),
                    amount(terms.discount),
                    amount(world.ledger.rates.at(terms.currency, month), 8),
                    money(world, world.ledger.list_worth(holding, month)),
                    money(world, world.ledger.worth(holding, month)),
                    holding.is_paused,
                    start,
                    end if has_ended else None,
                    version["recorded_at"],
                    day(clock.local_day(renewal[1])) if is_carried else None,
                )
