"""Onboarding of every customer that has started."""

from collections.abc import Iterator

from orchestration.recompute.clock import FAR, month_of
from orchestration.recompute.tables._cells import day, first_day
from orchestration.recompute.withheld import USAGE
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer that ever paid."""
    as_of, days = world.clock.as_of, world.seeds.whole("onboarding_days")
    are_milestones_known = not world.withheld("onboarding_milestones")
    is_known = are_milestones_known and not world.withheld(*USAGE)
    for customer_id, life in world.lives.items():
        required = world.milestones.required.get(customer_id, [])
        values = world.milestones.first_value.get(customer_id, [])
        deadline, valued = life.start_day + days, min(values, default=FAR)
        done = max(required, default=FAR)
        used = FAR if done == FAR else world.usage.first_use(customer_id, done, as_of)
        if not required or not is_known:
            status = "unknown"
        elif used <= deadline:
            status = "completed"
        elif used != FAR:
            status = "late"
        elif life.first_zero_day != FAR:
            status = "churned"
        else:
            status = "past_deadline" if deadline < as_of else "open"
        counts = [len(required), sum(at != FAR for at in required), world.milestones.overdue[customer_id], len(values)]
        yield (
            customer_id,
            status,
            *(count if are_milestones_known else None for count in counts),
            None if valued == FAR else max(valued - life.start_day, 0),
            status == "completed" if status != "unknown" else None,
            first_day(month_of(life.start_day)),
            life.start_day,
            deadline,
            day(done),
            day(used),
            day(valued),
            day(life.first_zero_day),
        )
