"""What every customer used in the days that end with a month."""

from collections.abc import Iterator
from typing import Any

from orchestration.recompute.tables._cells import first_day
from orchestration.recompute.withheld import USAGE
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every customer and month; what is used is not known where the feed did not run."""
    usage, days = world.usage, world.seeds.whole("active_window_days")
    is_list_known = not world.withheld(*(["features"] if usage.has_features else USAGE))
    for month in world.months:
        last = world.clock.end_of(month)
        first = last - days + 1
        ran = usage.feed_ran(first, last)
        core_days, events = usage.core_days(first, last), usage.events(first, last)
        core, high = usage.core_features(first, last), usage.high_value_features(first, last)
        known = (usage.core_count(last), usage.high_value_count(last)) if is_list_known else (None, None)
        for customer_id in world.customers:
            used: list[Any] = (
                [found.get(customer_id, 0) for found in (core_days, core, high, events)] if ran else [None] * 4
            )
            has_core_event = used[0] > 0 if ran else None
            yield customer_id, first_day(month), *used, *known, has_core_event, ran, first, last
