"""What was closed and reopened, by whom, and what of it is in force."""

from collections.abc import Iterator

from orchestration.recompute.clock import day_of
from orchestration.recompute.world import World

BEFORE = ("reason", "made_by", "build_id", "currency", "time_zone", "policy_version", "row_hash", "row_count")


def rows(world: World) -> Iterator[tuple]:
    """Give every entry of the store."""
    in_force = {close.number for close in world.closed.closes}
    for event in world.closed.events:
        number = event["entry_number"]
        about = (event[name] for name in BEFORE)
        as_of, made_at = day_of(event["as_of_date"]), event["made_at"]
        yield number, event["action"], day_of(event["month"]), *about, number in in_force, as_of, made_at
