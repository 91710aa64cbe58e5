"""The published months."""

from collections.abc import Iterator

from orchestration.recompute.tables._cells import first_day
from orchestration.recompute.touch import quarter_start
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every month with the day that it is read at."""
    for month in world.months:
        end = world.clock.end_of(month)
        yield (
            first_day(month),
            month,
            world.clock.is_complete(month),
            first_day(quarter_start(world, month)),
            first_day(month + 1) - 1,
            end,
            world.clock.start_of(end + 1),
        )
