"""How much of the customers who began to pay in a month is left in each later one."""

from collections import defaultdict
from collections.abc import Iterator

from orchestration.recompute.tables._cells import first_day, money, ratio
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every cohort at every age that any cohort has reached; what lies ahead is empty."""
    cohorts = defaultdict(list)
    for customer_id, month in world.first_paid.items():
        cohorts[month].append(customer_id)
    ages = range(world.months[-1] - min(cohorts, default=world.months[-1] + 1) + 1)
    for start, members in cohorts.items():
        for age in ages:
            month = start + age
            if month > world.months[-1]:
                yield first_day(start), age, first_day(month), *[None] * 6, True, False
                continue
            kept = [world.ledger.mrr(customer_id, month) for customer_id in members]
            # The first month's MRR at this month's rates, so that no rate makes a cohort grow or shrink.
            began = sum(world.ledger.mrr(customer_id, start, month) for customer_id in members)
            stayed = sum(mrr > 0 for mrr in kept)
            yield (
                first_day(start),
                age,
                first_day(month),
                len(members),
                stayed,
                money(world, began),
                money(world, sum(kept)),
                ratio(stayed, len(members)),
                ratio(sum(kept), began),
                False,
                world.clock.is_complete(month),
            )
