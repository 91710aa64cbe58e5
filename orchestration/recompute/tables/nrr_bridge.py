"""From the roll-forward of twelve months to the MRR now of those who had MRR at their start, line by line."""

from collections.abc import Iterator

from orchestration.recompute.bridge import bridge
from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every window and segment."""
    for month, segment_type, segment_value, lines in bridge(world):
        yield first_day(month), segment_type, segment_value, *(money(world, amount) for amount in lines)
